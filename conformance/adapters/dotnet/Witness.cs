using System.Text.Json.Nodes;
using Parley;

namespace ParleyAdapter;

/// <summary>Tells the kit what happens in one runtime.</summary>
internal sealed class Witness(KitLine kit, string rt, Gates gates)
{
    public Gates Gates => gates;

    public void Observe(string obs, JsonObject members) => kit.Observe(obs, rt, members);

    public void Session(RuntimeState state, string reason) =>
        Observe("session", new JsonObject { ["state"] = state.ToString().ToLowerInvariant(), ["reason"] = reason });

    public void Enter(string label, AgentId agent, MessageContext context, string typeName, bool protobuf, JsonNode? value)
    {
        var members = new JsonObject
        {
            ["label"] = label,
            ["agent"] = agent.ToString(),
            ["kind"] = context.IsRpc ? "rpc" : "event",
            ["type_name"] = typeName,
            ["content_type"] = protobuf ? "protobuf" : "json",
            ["attempt"] = context.Attempt,
            ["deadline_left_ms"] = context.Remaining?.TotalMilliseconds,
            ["sender"] = context.Sender?.ToString(),
            ["topic"] = context.TopicId?.ToString(),
        };
        if (value is not null)
        {
            members["value"] = value;
        }

        Observe("enter", members);
    }

    public void Leave(string label, AgentId agent, string how) =>
        Observe("leave", new JsonObject { ["label"] = label, ["agent"] = agent.ToString(), ["how"] = how });

    public void Reply(string label, object? result) =>
        Observe("outcome", new JsonObject { ["label"] = label, ["reply"] = MessageTable.Result(result) });

    public void Published(string label) => Observe("outcome", new JsonObject { ["label"] = label, ["published"] = true });

    /// <summary>Observes a failed call or publish; its reason as the wire has it.</summary>
    public string Failed(string label, Exception exception)
    {
        var error = exception switch
        {
            ParleyException e => Error(e),
            // An id that the SDK cannot parse, and the caller's own token: .NET has exceptions of its own for these.
            FormatException { InnerException: ParleyException e } => Error(e),
            FormatException e => Error(new InvalidArgumentException(e.Message)),
            OperationCanceledException e => Error(new CallCancelledException(e.Message)),
            var e => new JsonObject
            {
                ["reason"] = "",
                ["message"] = $"{e.GetType().Name}: {e.Message}",
                ["retryable"] = false,
                ["may_have_run"] = true,
                ["details"] = new JsonObject(),
            },
        };
        var reason = (string)error["reason"]!;
        Observe("outcome", new JsonObject { ["label"] = label, ["error"] = error });
        return reason;
    }

    private static JsonObject Error(ParleyException e) => new()
    {
        ["reason"] = e.ReasonName,
        ["message"] = e.Message,
        ["retryable"] = e.IsRetryable,
        ["may_have_run"] = e.MayHaveRun,
        ["details"] = new JsonObject(e.Details.Select(d => KeyValuePair.Create(d.Key, (JsonNode?)d.Value))),
    };
}
