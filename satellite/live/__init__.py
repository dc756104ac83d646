"""The Live API link: one connection per session object, and the pure protocol it speaks."""
