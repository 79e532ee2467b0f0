"""What session shows to the prober of S1, by name: who shows it needs nothing of what judges it."""

#: A token for nobody, and the ids of the keys that session knows, a line each.
ACCESS_TOKEN, KEY_IDS = "access_token", "key_ids"
#: Audience and client of that token. RFC 6761 section 6.4: no name ends so, and so no service has it.
NOBODY = "nobody.invalid"
