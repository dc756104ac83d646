"""The dialogue: what the satellite is doing for the person in the room. The table is the machine.

Every pair of state and event is listed, IGNORE included; conversation.py carries out the rules. To add an
event, add its row; to change what happens, change the rule's name here or its body there.
"""

from enum import StrEnum

from satellite.core.events import (
    CameraFound,
    CameraLost,
    DayBegun,
    DeadlineReached,
    EndRequested,
    Event,
    FramesCaptured,
    GenerationCompleted,
    GoAwayReceived,
    Grounded,
    InputDrafted,
    InputTranscribed,
    ListenRequested,
    LocalSpeechReady,
    MemoryRestored,
    MicrophoneFound,
    MicrophoneLost,
    MuteRequested,
    OutputTranscribed,
    PictureTaken,
    PlaybackDrained,
    PlaybackStarted,
    ReplyChunkReceived,
    ReplyInterrupted,
    ReplyTextReceived,
    ResumptionUpdated,
    SayRequested,
    SessionLost,
    SessionOpened,
    SessionRefused,
    ShutdownRequested,
    SpeakerFound,
    SpeakerLost,
    SpeechEnded,
    SpeechStarted,
    SpeechSuspected,
    StopRequested,
    SuspicionDropped,
    TextRequested,
    ThoughtReceived,
    TimerRequested,
    ToolCallReceived,
    ToolCallsCancelled,
    ToolFinished,
    TurnCompleted,
    UsageReported,
    VoiceActivityReported,
    VolumeRequested,
    WakeWordHeard,
)


class Dialogue(StrEnum):
    """States of the dialogue."""

    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"
    FOLLOW_UP = "follow_up"


class Rule(StrEnum):
    """What to do about an event; the value names the method of Conversation that does it."""

    IGNORE = "ignore"
    # the gate opens
    BEGIN = "begin"
    BEGIN_OVER_REPLY = "begin_over_reply"
    BEGIN_AGAIN = "begin_again"
    BEGIN_BY_HAND = "begin_by_hand"
    BEGIN_BY_HAND_ANEW = "begin_by_hand_anew"
    # speech
    CONFIRM = "confirm"
    SPEAK_ON = "speak_on"
    BARGE_IN = "barge_in"
    FOLLOW_UP = "follow_up"
    DUCK = "duck"
    RESTORE = "restore"
    ENDPOINT = "endpoint"
    CHECK_LENGTH = "check_length"
    # the reply
    PLAY = "play"
    PLAY_OR_REFUSE = "play_or_refuse"
    PLAY_OWED = "play_owed"
    WRITE = "write"
    WRITE_OR_REFUSE = "write_or_refuse"
    WRITE_OWED = "write_owed"
    SHOW_REPLY = "show_reply"
    SHOW_OR_REFUSE = "show_or_refuse"
    SHOW_OWED = "show_owed"
    NO_MORE_CHUNKS = "no_more_chunks"
    COMPLETE_TURN = "complete_turn"
    COMPLETE_UNHEARD = "complete_unheard"
    COMPLETE_QUIETLY = "complete_quietly"
    YIELD_TO_SERVER = "yield_to_server"
    NOTE_INTERRUPTED = "note_interrupted"
    DRAINED = "drained"
    SPEAK_LOCALLY = "speak_locally"
    # the link
    USE_SESSION = "use_session"
    SEND_AGAIN = "send_again"
    LOSE_REPLY = "lose_reply"
    LOSE_QUIETLY = "lose_quietly"
    TELL_REFUSAL = "tell_refusal"
    NOTE_REFUSAL = "note_refusal"
    HAND_OVER = "hand_over"
    REMEMBER = "remember"
    RESTORE_MEMORY = "restore_memory"
    # what is shown
    SHOW_HEARD = "show_heard"
    SHOW_DRAFT = "show_draft"
    SHOW_SOURCES = "show_sources"
    SHOW_THOUGHT = "show_thought"
    SHOW_VOICE_ACTIVITY = "show_voice_activity"
    SHOW_USAGE = "show_usage"
    BEGIN_DAY = "begin_day"
    # tools
    RUN_TOOL = "run_tool"
    RUN_OR_REFUSE = "run_or_refuse"
    RUN_OWED = "run_owed"
    CANCEL_TOOLS = "cancel_tools"
    ANSWER_TOOL = "answer_tool"
    # people and devices
    STOP = "stop"
    END_CONVERSATION = "end_conversation"
    END_NOW = "end_now"
    WRITE_TURN = "write_turn"
    WRITE_TURN_ANEW = "write_turn_anew"
    WRITE_LATER = "write_later"
    SEE = "see"
    SET_MUTE = "set_mute"
    SAY = "say"
    SAY_LATER = "say_later"
    SET_VOLUME = "set_volume"
    SET_TIMER = "set_timer"
    LOSE_MICROPHONE = "lose_microphone"
    STOP_LISTENING = "stop_listening"
    FIND_MICROPHONE = "find_microphone"
    NOTE_SPEAKER = "note_speaker"
    NOTE_CAMERA = "note_camera"
    SAY_GOODBYE = "say_goodbye"
    # time
    GIVE_UP_LISTENING = "give_up_listening"
    GIVE_UP_THINKING = "give_up_thinking"
    GIVE_UP_SPEAKING = "give_up_speaking"
    CLOSE_WINDOW = "close_window"


R = Rule

# fmt: off
BY_EVENT: dict[type[Event], tuple[Rule, Rule, Rule, Rule, Rule]] = {
    #                     IDLE                LISTENING             THINKING                SPEAKING                FOLLOW_UP
    WakeWordHeard:       (R.BEGIN,            R.BEGIN_AGAIN,        R.BEGIN_OVER_REPLY,     R.BEGIN_OVER_REPLY,     R.BEGIN),
    ListenRequested:     (R.BEGIN_BY_HAND,    R.IGNORE,             R.BEGIN_BY_HAND_ANEW,   R.BEGIN_BY_HAND_ANEW,   R.BEGIN_BY_HAND),
    FramesCaptured:      (R.IGNORE,           R.CHECK_LENGTH,       R.IGNORE,               R.IGNORE,               R.IGNORE),
    SpeechSuspected:     (R.IGNORE,           R.IGNORE,             R.IGNORE,               R.DUCK,                 R.IGNORE),
    SuspicionDropped:    (R.IGNORE,           R.IGNORE,             R.IGNORE,               R.RESTORE,              R.IGNORE),
    SpeechStarted:       (R.IGNORE,           R.CONFIRM,            R.SPEAK_ON,             R.BARGE_IN,             R.FOLLOW_UP),
    SpeechEnded:         (R.IGNORE,           R.ENDPOINT,           R.IGNORE,               R.RESTORE,              R.IGNORE),

    ReplyChunkReceived:  (R.PLAY_OWED,        R.PLAY_OR_REFUSE,     R.PLAY,                 R.PLAY,                 R.PLAY_OWED),
    ReplyTextReceived:   (R.WRITE_OWED,       R.WRITE_OR_REFUSE,    R.WRITE,                R.WRITE,                R.WRITE_OWED),
    OutputTranscribed:   (R.SHOW_OWED,        R.SHOW_OR_REFUSE,     R.SHOW_REPLY,           R.SHOW_REPLY,           R.SHOW_OWED),
    InputTranscribed:    (R.SHOW_HEARD,       R.SHOW_HEARD,         R.SHOW_HEARD,           R.SHOW_HEARD,           R.SHOW_HEARD),
    InputDrafted:        (R.IGNORE,           R.SHOW_DRAFT,         R.SHOW_DRAFT,           R.SHOW_DRAFT,           R.IGNORE),
    Grounded:            (R.SHOW_SOURCES,     R.SHOW_SOURCES,       R.SHOW_SOURCES,         R.SHOW_SOURCES,         R.SHOW_SOURCES),
    ThoughtReceived:     (R.SHOW_THOUGHT,     R.SHOW_THOUGHT,       R.SHOW_THOUGHT,         R.SHOW_THOUGHT,         R.SHOW_THOUGHT),
    VoiceActivityReported: (R.SHOW_VOICE_ACTIVITY,) * 5,
    GenerationCompleted: (R.IGNORE,           R.IGNORE,             R.IGNORE,               R.NO_MORE_CHUNKS,       R.IGNORE),
    TurnCompleted:       (R.COMPLETE_QUIETLY, R.COMPLETE_QUIETLY,   R.COMPLETE_UNHEARD,     R.COMPLETE_TURN,        R.COMPLETE_QUIETLY),
    ReplyInterrupted:    (R.NOTE_INTERRUPTED, R.NOTE_INTERRUPTED,   R.NOTE_INTERRUPTED,     R.YIELD_TO_SERVER,      R.NOTE_INTERRUPTED),
    PlaybackStarted:     (R.IGNORE,           R.IGNORE,             R.IGNORE,               R.IGNORE,               R.IGNORE),
    PlaybackDrained:     (R.IGNORE,           R.IGNORE,             R.IGNORE,               R.DRAINED,              R.IGNORE),
    LocalSpeechReady:    (R.IGNORE,           R.IGNORE,             R.IGNORE,               R.SPEAK_LOCALLY,        R.IGNORE),

    SessionOpened:       (R.USE_SESSION,      R.USE_SESSION,        R.USE_SESSION,          R.USE_SESSION,          R.USE_SESSION),
    SessionLost:         (R.LOSE_QUIETLY,     R.SEND_AGAIN,         R.SEND_AGAIN,           R.LOSE_REPLY,           R.LOSE_QUIETLY),
    SessionRefused:      (R.NOTE_REFUSAL,     R.TELL_REFUSAL,       R.TELL_REFUSAL,         R.NOTE_REFUSAL,         R.NOTE_REFUSAL),
    GoAwayReceived:      (R.HAND_OVER,        R.HAND_OVER,          R.HAND_OVER,            R.HAND_OVER,            R.HAND_OVER),
    ResumptionUpdated:   (R.REMEMBER,         R.REMEMBER,           R.REMEMBER,             R.REMEMBER,             R.REMEMBER),
    MemoryRestored:      (R.RESTORE_MEMORY,   R.RESTORE_MEMORY,     R.RESTORE_MEMORY,       R.RESTORE_MEMORY,       R.RESTORE_MEMORY),
    UsageReported:       (R.SHOW_USAGE,       R.SHOW_USAGE,         R.SHOW_USAGE,           R.SHOW_USAGE,           R.SHOW_USAGE),
    DayBegun:            (R.BEGIN_DAY,        R.BEGIN_DAY,          R.BEGIN_DAY,            R.BEGIN_DAY,            R.BEGIN_DAY),

    ToolCallReceived:    (R.RUN_OWED,         R.RUN_OR_REFUSE,      R.RUN_TOOL,             R.RUN_TOOL,             R.RUN_OWED),
    ToolCallsCancelled:  (R.CANCEL_TOOLS,     R.CANCEL_TOOLS,       R.CANCEL_TOOLS,         R.CANCEL_TOOLS,         R.CANCEL_TOOLS),
    ToolFinished:        (R.ANSWER_TOOL,      R.ANSWER_TOOL,        R.ANSWER_TOOL,          R.ANSWER_TOOL,          R.ANSWER_TOOL),

    StopRequested:       (R.STOP,             R.STOP,               R.STOP,                 R.STOP,                 R.STOP),
    EndRequested:        (R.IGNORE,           R.END_CONVERSATION,   R.END_CONVERSATION,     R.END_CONVERSATION,     R.END_NOW),
    TextRequested:       (R.WRITE_TURN,       R.WRITE_LATER,        R.WRITE_TURN_ANEW,      R.WRITE_TURN_ANEW,      R.WRITE_TURN),
    PictureTaken:        (R.SEE,              R.SEE,                R.SEE,                  R.SEE,                  R.SEE),
    MuteRequested:       (R.SET_MUTE,         R.SET_MUTE,           R.SET_MUTE,             R.SET_MUTE,             R.SET_MUTE),
    SayRequested:        (R.SAY,              R.SAY_LATER,          R.SAY_LATER,            R.SAY_LATER,            R.SAY),
    VolumeRequested:     (R.SET_VOLUME,       R.SET_VOLUME,         R.SET_VOLUME,           R.SET_VOLUME,           R.SET_VOLUME),
    TimerRequested:      (R.SET_TIMER,        R.SET_TIMER,          R.SET_TIMER,            R.SET_TIMER,            R.SET_TIMER),
    MicrophoneLost:      (R.LOSE_MICROPHONE,  R.STOP_LISTENING,     R.LOSE_MICROPHONE,      R.LOSE_MICROPHONE,      R.STOP_LISTENING),
    MicrophoneFound:     (R.FIND_MICROPHONE,  R.FIND_MICROPHONE,    R.FIND_MICROPHONE,      R.FIND_MICROPHONE,      R.FIND_MICROPHONE),
    CameraLost:          (R.NOTE_CAMERA,      R.NOTE_CAMERA,        R.NOTE_CAMERA,          R.NOTE_CAMERA,          R.NOTE_CAMERA),
    CameraFound:         (R.NOTE_CAMERA,      R.NOTE_CAMERA,        R.NOTE_CAMERA,          R.NOTE_CAMERA,          R.NOTE_CAMERA),
    SpeakerLost:         (R.NOTE_SPEAKER,     R.NOTE_SPEAKER,       R.NOTE_SPEAKER,         R.NOTE_SPEAKER,         R.NOTE_SPEAKER),
    SpeakerFound:        (R.NOTE_SPEAKER,     R.NOTE_SPEAKER,       R.NOTE_SPEAKER,         R.NOTE_SPEAKER,         R.NOTE_SPEAKER),
    ShutdownRequested:   (R.SAY_GOODBYE,      R.SAY_GOODBYE,        R.SAY_GOODBYE,          R.SAY_GOODBYE,          R.SAY_GOODBYE),
    DeadlineReached:     (R.IGNORE,           R.GIVE_UP_LISTENING,  R.GIVE_UP_THINKING,     R.GIVE_UP_SPEAKING,     R.CLOSE_WINDOW),
}
# fmt: on

RULES: dict[tuple[Dialogue, type[Event]], Rule] = {
    (state, event): rule for event, row in BY_EVENT.items() for state, rule in zip(Dialogue, row, strict=True)
}
