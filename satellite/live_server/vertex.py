"""What Vertex AI says in other words than the Developer API (LIVE_API 3.1, 3.2). Pure; on the fields of the wire."""

from satellite.live_server.bundles import Fields

TRAFFIC_TYPE = "ON_DEMAND"
_RENAMED = {"responseTokenCount": "candidatesTokenCount", "responseTokensDetails": "candidatesTokensDetails"}
_DEVELOPER_ONLY = "serviceTier"


def as_vertex(fields: Fields) -> Fields:
    """The same message as Vertex AI writes it: a role in the model's turns, candidates and traffic in the usage."""
    adapted = dict(fields)
    usage = fields.get("usageMetadata")
    if usage is not None:
        renamed = {_RENAMED.get(name, name): value for name, value in usage.items() if name != _DEVELOPER_ONLY}
        adapted["usageMetadata"] = {"trafficType": TRAFFIC_TYPE, **renamed}
    turn = fields.get("serverContent", {}).get("modelTurn")
    if turn is not None:
        adapted["serverContent"] = {**fields["serverContent"], "modelTurn": {**turn, "role": "model"}}
    return adapted
