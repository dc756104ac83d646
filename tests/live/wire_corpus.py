"""Frames of every kind in both directions, and what random damage does to them: for whoever reads frames.

The frames are of the shapes in LIVE_API.md sections 2 and 3: the official clients' spellings, the recorded messages,
every member and field once. Whoever adds a message type adds a frame here, or the fuzz tests never see it.
"""

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any

SOUND = base64.b64encode(bytes(range(64))).decode()
URL_SAFE_SOUND = base64.urlsafe_b64encode(bytes(range(192, 256))).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0 not a picture \xff\xd9").decode()
DETAILS = [{"modality": "TEXT", "tokenCount": 3}, {"modality": "AUDIO", "tokenCount": 250}]

SCHEMA = {
    "type": "OBJECT",
    "description": "where",
    "properties": {
        "room": {"type": "STRING", "enum": ["kitchen", "hall"]},
        "levels": {"type": "ARRAY", "items": {"type": "INTEGER", "format": "int32"}, "maxItems": "4"},
        "when": {"anyOf": [{"type": "NUMBER", "minimum": 0}, {"type": "NULL"}], "nullable": True},
    },
    "required": ["room"],
    "propertyOrdering": ["room", "levels", "when"],
}

SETUPS: list[dict[str, Any]] = [
    {"setup": {"model": "models/gemini-3.8-live"}},
    {
        "setup": {
            "model": "models/gemini-2.5-flash-native-audio-preview-12-2025",
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "candidateCount": 1,
                "maxOutputTokens": 1024,
                "temperature": 0.5,
                "topP": 0.9,
                "topK": 40,
                "presencePenalty": 0.25,
                "frequencyPenalty": -0.25,
                "seed": 7,
                "mediaResolution": "MEDIA_RESOLUTION_LOW",
                "speechConfig": {
                    "languageCode": "de-DE",
                    "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Aoede"}},
                },
                "thinkingConfig": {"includeThoughts": True, "thinkingBudget": -1, "thinkingLevel": "LOW"},
                "enableAffectiveDialog": True,
                "translationConfig": {"targetLanguageCode": "fr", "echoTargetLanguage": True},
            },
            "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
            "realtimeInputConfig": {
                "automaticActivityDetection": {
                    "disabled": False,
                    "startOfSpeechSensitivity": "START_SENSITIVITY_HIGH",
                    "endOfSpeechSensitivity": "END_SENSITIVITY_LOW",
                    "prefixPaddingMs": 20,
                    "silenceDurationMs": 100,
                },
                "activityHandling": "NO_INTERRUPTION",
                "turnCoverage": "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
                "interimTranscriptTimestampEnabled": True,
            },
            "sessionResumption": {"handle": "handle-1"},
            "contextWindowCompression": {"triggerTokens": "16000", "slidingWindow": {"targetTokens": 8000}},
            "inputAudioTranscription": {
                "languageCodes": ["en-US", "de-DE"],
                "customVocabulary": ["Satellite"],
                "wordTimestamp": True,
                "diarization": True,
                "mode": "VERBATIM",
            },
            "outputAudioTranscription": {},
            "proactivity": {"proactiveAudio": True, "proactiveVideo": False},
            "historyConfig": {"initialHistoryInClientContent": True},
        }
    },
    {
        "setup": {
            "model": "projects/p/locations/us-central1/publishers/google/models/gemini-live-2.5-flash",
            "sessionResumption": {"transparent": True},
            "explicitVadSignal": True,
            "labels": {"room": "kitchen"},
            "safetySettings": [
                {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH", "method": "SEVERITY"}
            ],
            "avatarConfig": {
                "avatarName": "a",
                "customizedAvatar": {"imageMimeType": "image/jpeg", "imageData": JPEG},
                "audioBitrateBps": 64000,
                "videoBitrateBps": 500000,
            },
            "inputAudioTranscription": {
                "languageAuto": {},
                "languageHints": {"languageCodes": ["en"]},
                "adaptationPhrases": ["a b"],
                "sourceText": "x",
            },
            "generationConfig": {
                "speechConfig": {
                    "voiceConfig": {
                        "replicatedVoiceConfig": {
                            "mimeType": "audio/wav",
                            "voiceSampleAudio": SOUND,
                            "consentAudio": SOUND,
                            "voiceConsentSignature": {"signature": "s"},
                        },
                        "voice": "v",
                    },
                    "multiSpeakerVoiceConfig": {"speakerVoiceConfigs": [{"speaker": "a", "voiceConfig": {}}]},
                }
            },
        }
    },
    {
        "setup": {
            "model": "models/gemini-3.8-live",
            "generation_config": {"response_modalities": ["AUDIO"], "speech_config": {"language_code": "en-US"}},
            "input_audio_transcription": {},
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": "f", "description": "d", "parameters": SCHEMA, "response": {"type": "OBJECT"}},
                        {
                            "name": "g",
                            "parameters_json_schema": {"type": "object", "properties": {"a_b": {"type": "string"}}},
                            "responseJsonSchema": {"type": "object"},
                            "behavior": "NON_BLOCKING",
                        },
                    ]
                },
                {
                    "googleSearch": {
                        "searchTypes": {"webSearch": {}},
                        "timeRangeFilter": {"startTime": "2026-01-01T00:00:00Z"},
                    }
                },
                {"codeExecution": {}, "urlContext": {}, "googleMaps": {"enableWidget": True}},
                {
                    "googleSearchRetrieval": {
                        "dynamicRetrievalConfig": {"mode": "MODE_DYNAMIC", "dynamicThreshold": 0.5}
                    }
                },
                {"computerUse": {"environment": "ENVIRONMENT_BROWSER", "excludedPredefinedFunctions": ["drag"]}},
                {"fileSearch": {"fileSearchStoreNames": ["s"], "topK": 3}, "mcpServers": [{"name": "m"}]},
                {"retrieval": {}, "enterpriseWebSearch": {"excludeDomains": ["a.example"]}},
            ],
        }
    },
]

CLIENT: list[dict[str, Any]] = [
    *SETUPS,
    {"realtimeInput": {"audio": {"data": SOUND, "mimeType": "audio/pcm;rate=16000"}}},
    {"realtime_input": {"audio": {"data": URL_SAFE_SOUND, "mime_type": "audio/pcm;rate=48000"}}},
    {"realtimeInput": {"video": {"data": JPEG, "mimeType": "image/jpeg"}}},
    {"realtimeInput": {"text": "what time is it"}},
    {"realtimeInput": {"activityStart": {}}},
    {"realtimeInput": {"activityEnd": {}}},
    {"realtimeInput": {"audioStreamEnd": True}},
    {"realtimeInput": {"mediaChunks": [{"data": SOUND, "mimeType": "audio/pcm"}]}},
    {"realtimeInput": {"mediaResolution": "MEDIA_RESOLUTION_LOW"}},
    {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hello"}]}], "turnComplete": True}},
    {
        "client_content": {
            "turns": [
                {"role": "user", "parts": [{"text": "a"}, {"inlineData": {"data": JPEG, "mimeType": "image/png"}}]},
                {"role": "model", "parts": [{"text": "b"}, {"functionCall": {"id": "1", "name": "f", "args": {}}}]},
                {
                    "parts": [
                        {"fileData": {"fileUri": "gs://b/o", "mimeType": "text/plain"}, "videoMetadata": {"fps": 1}}
                    ]
                },
            ],
            "turn_complete": False,
        }
    },
    {"clientContent": {"turnComplete": True}},
    {
        "toolResponse": {
            "functionResponses": [
                {"id": "function-call-1", "name": "f", "response": {"output": {"a_b": [1, None, 2.5]}}},
                {"id": "c", "name": "g", "response": {"scheduling": "SILENT"}, "scheduling": "WHEN_IDLE"},
                {"id": "d", "name": "g", "willContinue": True, "parts": [{"inlineData": {"data": JPEG}}]},
            ]
        }
    },
    {"contextUpdate": {"systemInstruction": {"parts": [{"text": "now in French"}]}, "tools": {"tools": []}}},
]

SERVER: list[dict[str, Any]] = [
    {"setupComplete": {}},
    {"setupComplete": {"sessionId": "0b3f", "voiceConsentSignature": {"signature": "s"}}},
    {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": SOUND}}]}}},
    {
        "serverContent": {
            "modelTurn": {"role": "model", "parts": [{"inlineData": {"mimeType": "audio/pcm", "data": SOUND}}]}
        }
    },
    {"serverContent": {"modelTurn": {"parts": [{"text": "It is noon."}, {"text": "hm", "thought": True}]}}},
    {
        "serverContent": {
            "modelTurn": {
                "parts": [
                    {"executableCode": {"language": "PYTHON", "code": "print(default_api.f())"}},
                    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
                ]
            }
        }
    },
    {"serverContent": {"inputTranscription": {"text": " what time", "languageCode": "en", "finished": True}}},
    {
        "serverContent": {
            "inputTranscription": {
                "text": "hi",
                "speakerLabel": "1",
                "startOffset": "0.1s",
                "endOffset": "1s",
                "words": [{"word": "hi", "startOffset": "0.100s", "endOffset": "0.440s"}],
            }
        }
    },
    {"serverContent": {"inputTranscription": {}}},
    {"serverContent": {"interimInputTranscription": {"text": "what ti"}}},
    {"serverContent": {"outputTranscription": {"text": "It is "}}},
    {"serverContent": {"generationComplete": True}},
    {"serverContent": {"interrupted": True}},
    {
        "serverContent": {"turnComplete": True, "turnCompleteReason": "RESPONSE_REJECTED", "waitingForInput": True},
        "usageMetadata": {
            "promptTokenCount": 515,
            "cachedContentTokenCount": 4,
            "responseTokenCount": 38,
            "toolUsePromptTokenCount": 2,
            "thoughtsTokenCount": 5,
            "totalTokenCount": 560,
            "promptTokensDetails": DETAILS,
            "cacheTokensDetails": DETAILS,
            "responseTokensDetails": DETAILS,
            "toolUsePromptTokensDetails": DETAILS,
            "serviceTier": "standard",
        },
    },
    {
        "serverContent": {"turnComplete": True, "interactionStatus": "IN_PROGRESS"},
        "usageMetadata": {
            "promptTokenCount": 9,
            "candidatesTokenCount": 2,
            "candidatesTokensDetails": DETAILS,
            "totalTokenCount": 11,
            "trafficType": "ON_DEMAND",
        },
    },
    {
        "serverContent": {
            "groundingMetadata": {
                "groundingChunks": [{"web": {"uri": "https://a.example", "title": "a", "domain": "a.example"}}],
                "groundingSupports": [{"segment": {"endIndex": 4, "text": "noon"}, "groundingChunkIndices": [0]}],
                "webSearchQueries": ["time"],
                "searchEntryPoint": {"renderedContent": "<div>", "sdkBlob": SOUND},
                "retrievalMetadata": {"googleSearchDynamicRetrievalScore": 0.5},
            },
            "urlContextMetadata": {
                "urlMetadata": [
                    {"retrievedUrl": "https://b.example", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"}
                ]
            },
        }
    },
    {"toolCall": {"functionCalls": [{"id": "function-call-1", "name": "f", "args": {"room": "hall", "n": 1.5}}]}},
    {"toolCall": {"functionCalls": [{"name": "f"}, {"id": "c", "name": "g", "args": {"deep": {"er": [1, [2]]}}}]}},
    {"toolCallCancellation": {"ids": ["function-call-1", "c"]}},
    {"goAway": {"timeLeft": "50s"}},
    {"goAway": {"timeLeft": "12.500s"}},
    {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True, "lastConsumedClientMessageIndex": "12"}},
    {"sessionResumptionUpdate": {}},
    {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.440s"}, "serverContent": {}},
    {"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "2s"}},
    {"voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_SOS"}},
    {"serverContent": {"speechState": "SPEAKING"}},
]


def client_frames() -> list[bytes]:
    """A frame of every kind a client sends, as valid as Google's parser wants them."""
    return [json.dumps(message).encode() for message in CLIENT]


def server_frames() -> list[bytes]:
    """A frame of every kind a server sends, rendered as Google renders them."""
    return [(json.dumps(message, indent=2) + "\n").encode() for message in SERVER]


NASTY: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**63, -(2**63) - 1, 10**30),
    *("", "x", "true", "20", "1e2", "AAAAA", "50s", "-1s", "nan", "\ud800", "\x00", "é" * 40, "AUDIO", "audio"),
    *([], {}, [[]], [None], {"": 0}, {"x": {"y": []}}, ["a", 1]),
]
"""What stands where something else belongs."""

NASTY_JSON = [json.dumps(value) for value in NASTY]
MESSAGES_JSON = [json.dumps(message) for message in (*CLIENT, *SERVER)]

TOKENS = [
    *(b"null", b"NaN", b"-Infinity", b"1e999", b"9" * 400, b'"\\ud800"', b'"\\u0000"', b"\xff", b"\xc3", b"\x00"),
    *(b"[", b"]", b"{", b"}", b'"', b"\\", b",", b":", b"[" * 300, b'{"a":' * 300, b"\xef\xbb\xbf", b"true"),
]
KEYS = [
    *("x", "", "data", "text", "setup", "serverContent", "server_content", "parts", "mimeType", "mime_type"),
    *("interrupted", "turnComplete", "type", "args", "id", "handle", "\ud800", "\N{SNOWMAN}" * 50),
]


def mutate(frame: bytes, random: Random) -> bytes:
    """The frame with one to three pieces of damage, to its structure or (one in three) to its bytes."""
    if random.random() < 1 / 3:
        for _ in range(random.randint(1, 3)):
            frame = _damage_bytes(frame, random)
        return frame
    try:
        message = json.loads(frame)
    except (ValueError, RecursionError):
        return _damage_bytes(frame, random)
    root = [message]
    for _ in range(random.randint(1, 3)):
        _damage_structure(root, random)
    return json.dumps(root[0], ensure_ascii=random.random() < 0.9).encode(errors="surrogatepass")


def _damage_bytes(frame: bytes, random: Random) -> bytes:
    at, length = random.randint(0, len(frame)), random.randint(1, 12)
    kind = random.randrange(5)
    if kind == 0:
        return frame[:at]
    if kind == 1:
        return frame[:at] + frame[at + length :]
    if kind == 2:
        return frame[:at] + random.choice(TOKENS) + frame[at:]
    if kind == 3:
        return frame[:at] + frame[at : at + 4 * length] * 2 + frame[at + 4 * length :]
    return frame[:at] + bytes([random.randrange(256)]) + frame[at + 1 :]


def _damage_structure(root: list[Any], random: Random) -> None:
    """Go down a random way, and do harm where it ends."""
    owner: Any = root
    key: Any = 0
    while isinstance(owner[key], dict | list) and owner[key] and random.random() < 0.8:
        owner = owner[key]
        key = random.choice(list(owner)) if isinstance(owner, dict) else random.randrange(len(owner))
    random.choice(HARM)(owner, key, random)


def _replace(owner: Any, key: Any, random: Random) -> None:
    owner[key] = json.loads(random.choice(NASTY_JSON))


def _remove(owner: Any, key: Any, random: Random) -> None:
    if isinstance(owner, dict):
        del owner[key]
    else:
        owner[key] = None


def _rename(owner: Any, key: Any, random: Random) -> None:
    if isinstance(owner, dict):
        owner[random.choice(KEYS)] = owner.pop(key)


def _respell(owner: Any, key: Any, random: Random) -> None:
    if isinstance(owner, dict):
        owner["".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)] = owner[key]


def _wrap(owner: Any, key: Any, random: Random) -> None:
    for _ in range(random.choice((1, 1, 1, 2, 30, 99, 150))):
        owner[key] = [owner[key]] if random.random() < 0.5 else {"parts": owner[key]}


def _repeat(owner: Any, key: Any, random: Random) -> None:
    if isinstance(owner[key], list | str):
        owner[key] = owner[key] * random.randint(2, 5)


def _bundle(owner: Any, key: Any, random: Random) -> None:
    if isinstance(owner[key], dict):
        owner[key] = {**owner[key], **json.loads(random.choice(MESSAGES_JSON))}


def _add(owner: Any, key: Any, random: Random) -> None:
    if isinstance(owner[key], dict):
        owner[key] = {**owner[key], random.choice(KEYS): json.loads(random.choice(NASTY_JSON))}


HARM: list[Callable[[Any, Any, Random], None]] = [
    *(_replace, _replace, _replace, _remove, _rename, _respell, _wrap, _repeat, _bundle, _add),
]
