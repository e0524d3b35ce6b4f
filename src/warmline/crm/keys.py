"""One way to compare names and e-mails, used by uniqueness, search and the look into Pipedrive alike."""

import unicodedata


def key(text: str) -> str:
    """Return the form in which two spellings of one name or e-mail are equal.

    NFKC, casefolded, trimmed, runs of white space made one space. NFKC comes twice because casefolding can undo it
    (a folded capital may leave a combining mark to be composed again), and the key of a key must be that key.

    Args:
        text: A name or an e-mail as a person typed it.

    Returns:
        The key; empty when there is nothing but white space.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())
