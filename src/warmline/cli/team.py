"""The commands for who gets in: team members and API tokens."""

import sys
from datetime import timedelta
from typing import Annotated

import typer

from warmline.cli.commands import app, fail, set_up, users


@users.command("add")
def add_user(
    email: Annotated[
        str, typer.Argument(metavar="EMAIL", help="Used to sign in, and to find the member in Pipedrive.")
    ],
    name: Annotated[str, typer.Option(help="The name that colleagues see.")],
    admin: Annotated[bool, typer.Option("--admin", help="Can see everyone's contacts.")] = False,
    machine: Annotated[
        bool, typer.Option("--machine", help="A program: it cannot sign in, and adds the contacts of others.")
    ] = False,
    time_zone: Annotated[str, typer.Option(help="For example Europe/Berlin; default: WARMLINE_TIME_ZONE.")] = "",
) -> None:
    """Add a team member. The password is prompted for, or read from standard input; a program has none."""
    set_up()
    from django.conf import settings
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from warmline.crm.users import User
    from warmline.crm.validation_messages import reworded

    if machine and admin:
        fail("warmline: a program cannot be an admin. Leave out --machine or --admin.")
    password: str | None = None
    if machine:
        pass
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        if password is not None:
            validate_password(password)
    except ValidationError as error:
        fail(f"warmline: {' '.join(reworded(error).messages)}")
    zone = time_zone or settings.DEFAULT_TIME_ZONE
    try:
        user = User.objects.create_user(email, name, password, is_admin=admin, is_machine=machine, time_zone=zone)
    except ValidationError as error:
        fail("\n".join(f"warmline: {text}" for text in error.messages))
    typer.echo(
        f"{user.name} <{user.email}> is {'an admin' if admin else 'a program' if machine else 'a member'} of the team."
    )


@app.command()
def token(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The member whom the token acts for.")],
    name: Annotated[str, typer.Option(help="Its purpose, shown on the profile page.")] = "Created on the command line",
    rights: Annotated[str, typer.Option(help="read, write or admin: everything that the user may do.")] = "admin",
    days: Annotated[int, typer.Option(min=0, max=36_500, help="Days until it expires; 0: never.")] = 0,
) -> None:
    """Create an API token and print only that. It is not shown again."""
    set_up()
    from django.utils import timezone

    from warmline.crm.fields import NAME_LENGTH
    from warmline.crm.tokens import Rights, issue
    from warmline.crm.users import User

    if len(name) > NAME_LENGTH:
        fail(f"warmline: the name can have at most {NAME_LENGTH} characters.")
    if rights not in Rights.values:
        fail(f"warmline: --rights must be one of {', '.join(Rights.values)}.")
    user = User.objects.known_as(email).filter(is_active=True).first()
    if user is None:
        fail(f"warmline: no team member has the e-mail {email}. Add one with `warmline user add`.")
    expires_at = timezone.now() + timedelta(days=days) if days else None
    typer.echo(issue(user, name, rights=rights, expires_at=expires_at))
