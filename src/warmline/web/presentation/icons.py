"""The drawings of the icons: strokes on a grid of 24 by 24, as the insides of an <svg>.

They take their colour and width from `.icon` in warmline.css. Draw with few points; 1.75 wide lines should not touch.
"""

ICONS = {
    "alert": '<path d="M12 4 2.8 19.5h18.4z"/><path d="M12 10v4.5M12 17v.1"/>',
    "arrow-left": '<path d="M20 12H4.5M11 5.5 4.5 12l6.5 6.5"/>',
    "bell": '<path d="M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.8a2.2 2.2 0 0 0 4 0"/>',
    "building": '<path d="M5 20.5v-17h9v17M14 9h5v11.5M3 20.5h18M8 7.5h3M8 11.5h3M8 15.5h3"/>',
    "calendar": '<rect x="4" y="5.5" width="16" height="14.5" rx="2"/><path d="M4 10.5h16M8.5 3v4.5M15.5 3v4.5"/>',
    "check": '<path d="m4.5 12.5 5 5 10-11"/>',
    "clock": '<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5l3.5 2"/>',
    "close": '<path d="m6 6 12 12M18 6 6 18"/>',
    "conference": '<circle cx="12" cy="7" r="2.7"/><circle cx="5" cy="10" r="1.9"/><circle cx="19" cy="10" r="1.9"/>'
    '<path d="M6.5 20c.3-4.5 2.5-6.5 5.5-6.5s5.2 2 5.5 6.5M2 18.5c0-2.5.8-3.9 2.2-4.5M22 18.5c0-2.5-.8-3.9-2.2-4.5"/>',
    "download": '<path d="M12 4v11.5M7 11l5 5 5-5M4.5 20h15"/>',
    "edit": '<path d="m4 20 1-4.5L16.5 4 20 7.5 8.5 19zM14 6.5 17.5 10"/>',
    "external": '<path d="M10 5H5v14h14v-5M14 4h6v6M20 4l-9 9"/>',
    "gear": '<circle cx="12" cy="12" r="3"/><circle cx="12" cy="12" r="6.5"/>'
    '<path d="M12 2.5v3M12 18.5v3M2.5 12h3M18.5 12h3M5.3 5.3l2.1 2.1M16.6 16.6l2.1 2.1M18.7 5.3l-2.1 2.1'
    'M7.4 16.6l-2.1 2.1"/>',
    "link": '<path d="M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3"/>'
    '<path d="M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7l1.1-1.1"/>',
    "mail": '<rect x="3" y="5" width="18" height="14" rx="2"/><path d="m3.5 7.5 8.5 6 8.5-6"/>',
    "more": '<path d="M5 12v.1M12 12v.1M19 12v.1"/>',
    "people": '<circle cx="9" cy="8" r="3.5"/><path d="M2.5 19.5c.5-3.7 3-5.5 6.5-5.5s6 1.8 6.5 5.5"/>'
    '<path d="M15.5 4.9a3.5 3.5 0 0 1 0 6.2M18 14.5c2 .7 3.2 2.4 3.5 5"/>',
    "person": '<circle cx="12" cy="8" r="4"/><path d="M4.5 20c.6-4 3.7-6 7.5-6s6.9 2 7.5 6"/>',
    "phone": '<path d="M5 3.5h4l1.5 5-2.5 2a12 12 0 0 0 5.5 5.5l2-2.5 5 1.5v4c0 1-.8 1.7-1.8 1.6'
    'C10.9 20 4 13.1 3.4 5.3 3.3 4.3 4 3.5 5 3.5z"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "referral": '<circle cx="7" cy="8" r="3"/>'
    '<path d="M2 19c.4-3.4 2.3-5 5-5s4.6 1.6 5 5M14 9h7.5M18 5.5 21.5 9 18 12.5"/>',
    "search": '<circle cx="10.5" cy="10.5" r="6.5"/><path d="m15.5 15.5 5 5"/>',
    "sign-out": '<path d="M14 4H5v16h9M10 12h10.5M16.5 8l4 4-4 4"/>',
    "sync": '<path d="M4 11a8 8 0 0 1 14-4.5L20 9M20 4v5h-5M20 13a8 8 0 0 1-14 4.5L4 15M4 20v-5h5"/>',
    "tag": '<path d="M4 4h8l8.5 8.5-8 8L4 12z"/><path d="M8.5 8.5v.1"/>',
    "today": '<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2"/>'
    '<path d="M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4"/>',
    "trash": '<path d="M4 6.5h16M9 6V3.5h6V6M6 6.5 7 20.5h10l1-14M10 10.5v6M14 10.5v6"/>',
    "undo": '<path d="M9 5 4 10l5 5M4 10h9.5a5.5 5.5 0 0 1 0 11H9"/>',
    "upload": '<path d="M12 16V4.5M7 9l5-5 5 5M4.5 20h15"/>',
}
