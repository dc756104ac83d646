"""A simulated room: people, noise, loudspeaker and microphone, behind the interface of the sound card."""
