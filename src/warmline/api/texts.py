"""Patterns of valid texts, for the API's OpenAPI document.

The validators in crm/fields.py decide what is valid, for pages and imports, too. These patterns describe the same rules
to programs, including the invisible characters that are removed from the ends. A test compares the two.
"""

from unicodedata import category

# In the words of both Python and ECMAScript (with its flag `u`, as JSON Schema wants it).
SPACE = r"\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
# Unicode has more of these from Python 3.12 on.
_EGYPTIAN = "".join(sign for sign in map(chr, range(0x13430, 0x13440)) if category(sign) == "Cf")
UNSEEN = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb"
    f"{_EGYPTIAN}\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
# It stays at the ends of a text, and yet is nothing to see.
VARIATION = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
ENDS = f"[{SPACE}{UNSEEN}]*"
BLANK = f"^{ENDS}$"
ONE_LINE = f"^{ENDS}[^{CONTROL}]*{ENDS}$"
TAG = f"^{ENDS}[^{CONTROL},]*{ENDS}$"
NAME = f"^{ENDS}[^{CONTROL}]*[^{CONTROL}{SPACE}{UNSEEN}{VARIATION}][^{CONTROL}]*{ENDS}$"
LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"

_LEAP = "((19|2[0-9])(0[48]|[2468][048]|[13579][26])|2[048]00)-02-29"
_OF_MONTH = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
DAY = f"^((19|2[0-9])[0-9]{{2}}-({_OF_MONTH})|{_LEAP})$"  # of the calendar, from 1900 to 2999
TIME = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
DIGITS = "^[0-9]{1,18}$"
CURSOR = "^[0-9]{1,18}(\\.[0-9]{1,18})?$"
MOMENT = f"{DAY[:-1]}T{TIME[1:-1]}(\\.[0-9]{{1,6}})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$"
_PART = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?"
WEB_ADDRESS = f"^https?://{_PART}(\\.{_PART})*(:[1-9][0-9]{{0,3}})?(/[!$-\\[\\]-~]*)?$"
