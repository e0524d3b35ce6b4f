// Drives the sandbox with Pipedrive's own client for Node, unchanged: every operation that both of them have.
// Usage: node node_client.cjs BASE_URL, with the package `pipedrive` on NODE_PATH. Prints "driven" at the end.
const v1 = require("pipedrive/v1");
const v2 = require("pipedrive/v2");

const [base] = process.argv.slice(2);

function check(fits, what) {
  if (!fits) throw new Error(`not as it should be: ${what}`);
}

async function refused(call, what) {
  try {
    await call;
  } catch (answer) {
    return answer;
  }
  throw new Error(`was not refused: ${what}`);
}

async function installed() {
  const redirectUri = "http://127.0.0.1:9/oauth/pipedrive";
  const app = { clientId: "sandbox-client", clientSecret: "sandbox-secret", redirectUri, host: base };
  const oauth = new v2.OAuth2Configuration(app);
  check(oauth.authorizationUrl.startsWith(`${base}/oauth/authorize?client_id=sandbox-client`), "authorizationUrl");
  const first = await oauth.authorize("sandbox-code");
  check(first.token_type === "Bearer" && first.api_domain === base, "the first token");
  await oauth.tokenRefresh();
  return oauth;
}

async function people(second, first) {
  const organizations = new v2.OrganizationsApi(second);
  const persons = new v2.PersonsApi(second);
  const organization = await organizations.addOrganization({ AddOrganizationRequest: { name: "Tidewater Mills" } });
  const other = await organizations.addOrganization({ AddOrganizationRequest: { name: "Tidewater" } });
  const id = organization.data.id;
  await organizations.updateOrganization({ id, UpdateOrganizationRequest: { website: "https://tidewater.example.com" } });
  check((await organizations.getOrganization({ id, include_fields: "people_count" })).data.people_count === 0, "included");
  check((await organizations.getOrganizations({ limit: 500 })).data.length === 2, "organizations");
  check((await organizations.searchOrganization({ term: "tidewater mills", exact_match: true })).data.items.length === 1, "search");
  const person = await persons.addPerson({ AddPersonRequest: { name: "Robin Vale", org_id: id } });
  const twin = await persons.addPerson({ AddPersonRequest: { name: "Robin V." } });
  await persons.updatePerson({ id: person.data.id, UpdatePersonRequest: { emails: [{ value: "robin@example.com" }] } });
  check((await persons.getPerson({ id: person.data.id })).data.emails[0].primary === true, "a primary e-mail");
  check((await persons.getPersons({ limit: 1 })).additional_data.next_cursor, "a cursor");
  check((await persons.searchPersons({ term: "robin@example.com", fields: "email" })).data.items.length === 1, "search");
  await activities(second, person.data.id);
  await notes(first, person.data.id);
  await search(second);
  await new v1.PersonsApi(first).mergePersons({ id: twin.data.id, MergePersonsRequest: { merge_with_id: person.data.id } });
  await new v1.OrganizationsApi(first).mergeOrganizations({
    id: other.data.id,
    MergeOrganizationsRequest: { merge_with_id: id },
  });
  await persons.deletePerson({ id: person.data.id });
  await organizations.deleteOrganization({ id });
  const gone = await refused(persons.getPerson({ id: person.data.id }), "a person that is gone");
  check(gone.success === false && gone.code === "ERR_NOT_FOUND", "the answer for one that is gone");
}

async function activities(second, personId) {
  const api = new v2.ActivitiesApi(second);
  const participants = [{ person_id: personId, primary: true }];
  const made = await api.addActivity({ AddActivityRequest: { subject: "Call", type: "call", participants } });
  await api.updateActivity({ id: made.data.id, AddActivityRequest: { done: true } });
  check((await api.getActivity({ id: made.data.id })).data.done === true, "an activity that is done");
  check((await api.getActivities({ person_id: personId })).data.length === 1, "activities of a person");
  await api.deleteActivity({ id: made.data.id });
  const fields = new v2.ActivityFieldsApi(second);
  check((await fields.getActivityFields({ limit: 500 })).data.length > 5, "fields of activities");
  check((await fields.getActivityField({ field_code: "subject" })).data.field_name === "Subject", "a field");
}

async function notes(first, personId) {
  const api = new v1.NotesApi(first);
  const made = await api.addNote({ AddNoteRequest: { content: "Likes tea", person_id: personId } });
  await api.updateNote({ id: made.data.id, NoteRequest: { content: "Likes coffee" } });
  check((await api.getNote({ id: made.data.id })).data.content === "Likes coffee", "a note");
  check((await api.getNotes({ person_id: personId })).data.length === 1, "notes");
  await api.deleteNote({ id: made.data.id });
}

async function search(second) {
  const api = new v2.ItemSearchApi(second);
  check((await api.searchItem({ term: "tidewater", item_types: "organization" })).data.items.length === 2, "items");
  const found = await api.searchItemByField({ term: "Robin Vale", entity_type: "person", field: "name" });
  check(found.data.length === 1, "a value of a field");
}

async function fields(second, Api, one) {
  const api = new Api(second);
  const made = await api[`add${one}Field`]({
    [`Add${one}FieldRequest`]: { field_name: "Tier", field_type: "enum", options: [{ label: "A" }] },
  });
  const field_code = made.data.field_code;
  const inner = (verb, rows) => ({ field_code, [`${verb}DealFieldOptionsRequestInner`]: rows });
  const added = await api[`add${one}FieldOptions`](inner("Add", [{ label: "B" }]));
  const { id } = added.data[0];
  await api[`update${one}FieldOptions`](inner("Update", [{ id, label: "C" }]));
  await api[`delete${one}FieldOptions`](inner("Delete", [{ id }]));
  await api[`update${one}Field`]({ field_code, [`Update${one}FieldRequest`]: { field_name: "Class" } });
  check((await api[`get${one}Field`]({ field_code })).data.field_name === "Class", "a renamed field");
  check((await api[`get${one}Fields`]({ limit: 500 })).data.length > 5, "fields");
  await api[`delete${one}Field`]({ field_code });
}

async function oldFields(first) {
  const api = new v1.PersonFieldsApi(first);
  const labels = (await api.getPersonFields({ limit: 500 })).data.find((field) => field.key === "label_ids");
  const options = [...labels.options, { label: "Warm lead" }];
  const changed = await api.updatePersonField({ id: labels.id, UpdateFieldRequest: { options } });
  check((await api.getPersonField({ id: labels.id })).data.options.length === changed.data.options.length, "options");
}

async function account(first) {
  const users = new v1.UsersApi(first);
  const me = await users.getCurrentUser();
  check((await users.getUsers()).data.length === 3, "users");
  check((await users.getUser({ id: me.data.id })).data.email === me.data.email, "a user");
  check((await users.findUsersByName({ term: "bob@example.com", search_by_email: 1 })).data.length === 1, "users found");
  check((await new v1.ActivityTypesApi(first).getActivityTypes()).data.length > 1, "types of activities");
}

async function hooks(first) {
  const api = new v1.WebhooksApi(first);
  const asked = { subscription_url: "http://127.0.0.1:9/", event_action: "*", event_object: "*", name: "Ours" };
  const made = await api.addWebhook({ AddWebhookRequest: asked });
  check((await api.getWebhooks()).data.length === 1, "webhooks");
  await api.deleteWebhook({ id: made.data.id });
}

async function main() {
  const oauth = await installed();
  const second = new v2.Configuration({ accessToken: oauth.getAccessToken, basePath: `${oauth.basePath}` });
  const first = new v1.Configuration({ apiKey: "sandbox-token", basePath: `${base}/api/v1` });
  await account(first);
  await people(second, first);
  await fields(second, v2.PersonFieldsApi, "Person");
  await fields(second, v2.OrganizationFieldsApi, "Organization");
  await oldFields(first);
  await hooks(first);
  await oauth.revokeToken("access_token");
  await oauth.revokeToken("refresh_token");
  await refused(oauth.tokenRefresh(), "a revoked refresh token");
  console.log("driven");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
