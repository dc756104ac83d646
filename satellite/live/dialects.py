"""Which of Google's parsers knows which field: the two backends, and the versions of the Developer API.

One table, by message type and field. Source: the columns D and V of LIVE_API.md section 2, sections 2.1.1, 2.3 and 2.4.
A field that no row names is known everywhere. A parser knows nothing of models: what a family of models refuses is
models.py's, as is proactivity, which on the Developer API needs v1alpha for the 2.5 models alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel

from satellite.live.content import Blob, FileData, FunctionResponse, Part
from satellite.live.fields import WireField, fields_of
from satellite.live.models import ALPHA, DEVELOPER, VERTEX
from satellite.live.setup_messages import (
    GenerationConfig,
    ReplicatedVoiceConfig,
    SafetySetting,
    SessionResumptionConfig,
    Setup,
)
from satellite.live.tool_messages import GoogleMaps, GoogleSearch, Tool


@dataclass(frozen=True, slots=True)
class Dialect:
    """The parser behind an endpoint: `backend` and `version` as models.py names them."""

    backend: str = DEVELOPER
    version: str = "v1beta"


VERTEX_ALONE: Mapping[type[BaseModel], frozenset[str]] = {
    SessionResumptionConfig: frozenset({"transparent"}),
    Setup: frozenset({"explicit_vad_signal"}),
    SafetySetting: frozenset({"method"}),
    Tool: frozenset({"retrieval", "enterprise_web_search", "parallel_ai_search", "exa_ai_search"}),
    GoogleSearch: frozenset({"exclude_domains", "blocking_confidence"}),
    GoogleMaps: frozenset({"grounding_types"}),
    Blob: frozenset({"display_name"}),
    FileData: frozenset({"display_name"}),
}
"""Unknown to the Developer API."""

DEVELOPER_ALONE: Mapping[type[BaseModel], frozenset[str]] = {
    ReplicatedVoiceConfig: frozenset({"consent_audio", "voice_consent_signature"}),
    Tool: frozenset({"file_search", "mcp_servers"}),
    FunctionResponse: frozenset({"will_continue"}),
    Part: frozenset({"part_metadata"}),
}
"""Unknown to Vertex AI."""

ALPHA_ALONE: Mapping[type[BaseModel], frozenset[str]] = {
    GenerationConfig: frozenset({"enable_affective_dialog"}),
}
"""Unknown to the Developer API's v1beta and v1."""


@cache
def fields_in(model: type[BaseModel], dialect: Dialect | None) -> Mapping[str, WireField]:
    """The fields of a message, by both spellings, that this parser knows; None: all there are."""
    fields = fields_of(model)
    if dialect is None:
        return fields
    nowhere: frozenset[str] = frozenset()
    if dialect.backend == VERTEX:
        unknown = DEVELOPER_ALONE.get(model, nowhere)
    else:
        unknown = VERTEX_ALONE.get(model, nowhere)
        if dialect.version != ALPHA:
            unknown |= ALPHA_ALONE.get(model, nowhere)
    return {key: field for key, field in fields.items() if field.name not in unknown}
