"""What a setup or a context update says about tools: functions of ours, and the built-ins of the server's.

Fields by LIVE_API.md section 2.1.1; those that the pages only name are taken as objects. Which backend knows which of
them: dialects.py.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StrictBool

from satellite.live.content import JsonObject
from satellite.live.wire import Int32, Int64, Names, WireModel

PHISHING = Names(
    "PHISH_BLOCK_THRESHOLD_UNSPECIFIED",
    "BLOCK_LOW_AND_ABOVE",
    "BLOCK_MEDIUM_AND_ABOVE",
    "BLOCK_HIGH_AND_ABOVE",
    "BLOCK_HIGHER_AND_ABOVE",
    "BLOCK_VERY_HIGH_AND_ABOVE",
    "BLOCK_ONLY_EXTREMELY_HIGH",
)
"""From which confidence on a page that may be phishing is left out."""


class Behavior(StrEnum):
    """Whether the model waits for a function's answer."""

    UNSPECIFIED = "UNSPECIFIED"
    BLOCKING = "BLOCKING"
    NON_BLOCKING = "NON_BLOCKING"


class SchemaType(StrEnum):
    """Types of the OpenAPI schema: upper-case, unlike those of a JSON schema."""

    TYPE_UNSPECIFIED = "TYPE_UNSPECIFIED"
    STRING = "STRING"
    NUMBER = "NUMBER"
    INTEGER = "INTEGER"
    BOOLEAN = "BOOLEAN"
    ARRAY = "ARRAY"
    OBJECT = "OBJECT"
    NULL = "NULL"


class Schema(WireModel):
    """The subset of OpenAPI's schema that Google reads; anything more needs `parameters_json_schema`."""

    type: SchemaType | None = None
    format: str = ""
    title: str = ""
    description: str = ""
    nullable: StrictBool = False
    enum: list[str] = Field(default_factory=list)
    items: "Schema | None" = None
    max_items: Int64 | None = None
    min_items: Int64 | None = None
    properties: "dict[str, Schema]" = Field(default_factory=dict)
    required: list[str] = Field(default_factory=list)
    min_properties: Int64 | None = None
    max_properties: Int64 | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_length: Int64 | None = None
    max_length: Int64 | None = None
    pattern: str = ""
    example: Any = None
    any_of: "list[Schema]" = Field(default_factory=list)
    property_ordering: list[str] = Field(default_factory=list)
    default: Any = None


class FunctionDeclaration(WireModel):
    """A function the model may call, its parameters as an OpenAPI or a JSON schema."""

    name: str = ""
    description: str = ""
    parameters: Schema | None = None
    parameters_json_schema: JsonObject | None = None
    response: Schema | None = None
    response_json_schema: JsonObject | None = None
    behavior: Behavior | None = None


class Empty(WireModel):
    """An object that says all there is to say by being there."""


class SearchTypes(WireModel):
    """What is searched; nothing said: pages."""

    web_search: Empty | None = None
    image_search: Empty | None = None


class Interval(WireModel):
    """From when to when, as timestamps of RFC 3339."""

    start_time: str = ""
    end_time: str = ""


class GoogleSearch(WireModel):
    """Search by the server, whose sources come back as grounding metadata."""

    search_types: SearchTypes | None = None
    time_range_filter: Interval | None = None
    exclude_domains: list[str] = Field(default_factory=list)
    blocking_confidence: Annotated[str, PHISHING] = ""


class EnterpriseWebSearch(WireModel):
    """Search for businesses that must not be logged."""

    exclude_domains: list[str] = Field(default_factory=list)
    blocking_confidence: Annotated[str, PHISHING] = ""


class DynamicRetrievalConfig(WireModel):
    """When the model searches by itself."""

    mode: Annotated[str, Names("MODE_UNSPECIFIED", "MODE_DYNAMIC")] = ""
    dynamic_threshold: float | None = None


class GoogleSearchRetrieval(WireModel):
    """The search of the 1.5 models."""

    dynamic_retrieval_config: DynamicRetrievalConfig | None = None


class GoogleMaps(WireModel):
    """Places."""

    enable_widget: StrictBool = False
    auth_config: JsonObject | None = None
    grounding_types: JsonObject | None = None


class ComputerUse(WireModel):
    """The model operates a browser."""

    environment: Annotated[
        str, Names("ENVIRONMENT_UNSPECIFIED", "ENVIRONMENT_BROWSER", "ENVIRONMENT_MOBILE", "ENVIRONMENT_DESKTOP")
    ] = ""
    excluded_predefined_functions: list[str] = Field(default_factory=list)


class FileSearch(WireModel):
    """Search in the user's own files."""

    file_search_store_names: list[str] = Field(default_factory=list)
    top_k: Int32 | None = None
    metadata_filter: str = ""


class StreamableHttpTransport(WireModel):
    """How an MCP server is reached."""

    url: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    timeout: str = ""
    sse_read_timeout: str = ""
    terminate_on_close: StrictBool | None = None


class McpServer(WireModel):
    """Functions that the server fetches from an MCP server."""

    name: str = ""
    streamable_http_transport: StreamableHttpTransport | None = None


class Tool(WireModel):
    """Functions of ours, or a built-in of the server's."""

    function_declarations: list[FunctionDeclaration] = Field(default_factory=list)
    google_search: GoogleSearch | None = None
    google_search_retrieval: GoogleSearchRetrieval | None = None
    code_execution: Empty | None = None
    url_context: Empty | None = None
    google_maps: GoogleMaps | None = None
    computer_use: ComputerUse | None = None
    file_search: FileSearch | None = None
    mcp_servers: list[McpServer] = Field(default_factory=list)
    retrieval: JsonObject | None = None
    enterprise_web_search: EnterpriseWebSearch | None = None
    parallel_ai_search: JsonObject | None = None
    exa_ai_search: JsonObject | None = None
