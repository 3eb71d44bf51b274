using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Parley;

namespace ParleyAdapter;

/// <summary>Carries out the kit's commands (conformance/adapters/PROTOCOL.md); each gets exactly one answer.</summary>
internal sealed class Commands(KitLine kit)
{
    private static readonly string[] Capabilities =
    [
        "json", "protobuf", "probe", "probe_v2", "probe_wide", "versioned", "stateless", "typed", "pinned", "encode", "prefix",
        "ephemeral", "wait_for_ready", "block", "several_runtimes", "cancel", "resume",
        "state", "effectively-once", "idempotency", "drain", "int32", "int64", "uint64", "float32",
    ];

    private readonly Gates _gates = new();
    private readonly ConcurrentDictionary<string, HostRuntime> _runtimes = new();

    /// <summary>Reads commands to the end of the connection. Each runs up to its first wait before the next is read.</summary>
    public async Task RunAsync()
    {
        while (await kit.ReadAsync() is { } command)
        {
            _ = AnswerAsync(command);
        }
    }

    private async Task AnswerAsync(JsonElement command)
    {
        var n = command.GetProperty("n").GetInt32();
        try
        {
            kit.Answer(n, "ok", await DoAsync(command));
        }
        catch (UnsupportedException e)
        {
            kit.Answer(n, "unsupported", e.Message);
        }
        catch (Exception e) when (e is not IOException)
        {
            var reason = e switch { ParleyException p => p.ReasonName, FormatException => "INVALID_ARGUMENT", _ => "" };
            kit.Answer(n, "error", new JsonObject { ["reason"] = reason, ["message"] = $"{e.GetType().Name}: {e.Message}" });
        }
    }

    private async Task<JsonObject> DoAsync(JsonElement command)
    {
        var done = new JsonObject();
        switch (command.Text("cmd"))
        {
            case "hello":
                return Hello();
            case "ping":
                return done;
            case "start":
                var rt = command.Text("rt");
                _runtimes[rt] = await HostRuntime.StartAsync(command, new Witness(kit, rt, _gates));
                return done;
            case "register":
                await Runtime(command).RegisterAsync(command.Text("type"), command.Text("behaviour"), command.Texts("keys"));
                return done;
            case "subscribe":
                return new JsonObject { ["id"] = await Runtime(command).SubscribeAsync(Subscription(command)) };
            case "unsubscribe":
                await Runtime(command).UnsubscribeAsync(command.Text("id"));
                return done;
            case "call":
                Runtime(command).Call(command);
                return done;
            case "publish":
                Runtime(command).Publish(command);
                return done;
            case "cancel":
                Runtime(command).Cancel(command.Text("label"));
                return done;
            case "release":
                _gates.Open(command.Text("gate"));
                return done;
            case "stop":
                await Runtime(command).StopAsync();
                return done;
            case "encode":
                var message = MessageTable.Read(command.Text("type"), command.GetProperty("value"), IsProtobuf(command));
                return new JsonObject { ["data"] = Convert.ToBase64String(MessageTable.Encode(message).Span) };
            case "decode":
                var data = command.GetProperty("data").GetBytesFromBase64();
                return new JsonObject { ["value"] = MessageTable.Value(MessageTable.Decode(command.Text("type"), data, IsProtobuf(command))) };
            case var other:
                throw new UnsupportedException($"no such command: {other}");
        }
    }

    private static JsonObject Hello() => new()
    {
        ["sdk"] = "parley",
        ["version"] = typeof(DistributedRuntime).Assembly.GetName().Version!.ToString(3),
        ["language"] = "dotnet",
        ["pid"] = Environment.ProcessId,
        ["capabilities"] = new JsonArray([.. Capabilities]),
    };

    private HostRuntime Runtime(JsonElement command) =>
        _runtimes.TryGetValue(command.Text("rt"), out var runtime) ? runtime : throw new UnsupportedException($"no such runtime: {command.Text("rt")}");

    private static Subscription Subscription(JsonElement command)
    {
        var (topic, type, durable) = (command.Text("topic"), command.Text("type"), command.Flag("durable", true));
        return command.Text("match") switch
        {
            "exact" => new TypeSubscription(topic, type, durable),
            "prefix" => new TypePrefixSubscription(topic, type, durable),
            var other => throw new UnsupportedException($"no such match: {other}"),
        };
    }

    private static bool IsProtobuf(JsonElement command) => command.Text("content_type") == "protobuf";
}
