"""Local speech: a recogniser in a process of its own, a voice, short sounds and the sentences of notices."""
