// An adapter in C#: the conformance kit commands, your SDK acts, the adapter reports what it saw and never judges.
//
// It starts, says hello, and answers `unsupported` to all that is not filled in yet. Fill in the commands of DoAsync from the
// top; after each one `parley-conformance smoke` says what comes next. What each means is in PROTOCOL.md, see README.md.
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

if (Environment.GetEnvironmentVariable("PARLEY_KIT") is not { } kit || !kit.Contains(':'))
{
    await Console.Error.WriteLineAsync("PARLEY_KIT is not set: it names HOST:PORT of the kit that starts this adapter");
    return 1;
}

var colon = kit.LastIndexOf(':');
using var client = new TcpClient(kit[..colon], int.Parse(kit[(colon + 1)..]));
client.NoDelay = true;
await new Adapter.Commands(client.GetStream()).RunAsync();
// The kit has hung up: nothing is drained, nobody is waited for.
Environment.Exit(0);
return 0;

namespace Adapter
{
    /// <summary>This adapter, or its SDK, does not have what was asked for.</summary>
    internal sealed class UnsupportedException(string what) : Exception(what);

    /// <summary>The commands of the protocol; each gets exactly one answer.</summary>
    internal sealed class Commands(Stream stream)
    {
        // What is implemented, by the names of PROTOCOL.md's table: add "json", "probe", "cancel", … as you go. A case that
        // requires what is not here is not run.
        private static readonly string[] Capabilities = [];

        // The profiles of SPEC.md that your SDK claims, e.g. ["core"]: from then on what is lacking of them counts as a failure.
        private static readonly string[] Profiles = [];

        // Messages may be nested up to 256 levels deep; the parser's own limit is 64.
        private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 260 };

        private readonly Lock _writing = new();
        private int _observations;

        /// <summary>Reads commands until the kit hangs up. Each runs up to its first wait before the next is read.</summary>
        public async Task RunAsync()
        {
            using var reader = new StreamReader(stream, Encoding.UTF8);
            while (await reader.ReadLineAsync() is { } line)
            {
                using var document = JsonDocument.Parse(line, Deep);
                _ = AnswerAsync(document.RootElement.Clone());
            }
        }

        /// <summary>Reports what was just seen: an observation of PROTOCOL.md, e.g. `session` with `state` and `reason`.</summary>
        public void Observe(string kind, string rt, JsonObject members)
        {
            lock (_writing)
            {
                members["obs"] = kind;
                members["i"] = ++_observations;
                members["rt"] = rt;
                members["t_ms"] = Stopwatch.GetTimestamp() * 1000.0 / Stopwatch.Frequency;
                Write(members);
            }
        }

        private async Task AnswerAsync(JsonElement command)
        {
            var answer = new JsonObject { ["re"] = command.GetProperty("n").GetInt32() };
            try
            {
                answer["ok"] = await DoAsync(command.GetProperty("cmd").GetString()!, command);
            }
            catch (UnsupportedException e)
            {
                answer["unsupported"] = e.Message;
            }
            catch (Exception e)
            {
                // Of your SDK's own errors `reason` is the wire reason without its prefix, e.g. "INVALID_ARGUMENT".
                answer["error"] = new JsonObject { ["reason"] = "", ["message"] = $"{e.GetType().Name}: {e.Message}" };
            }

            lock (_writing)
            {
                Write(answer);
            }
        }

        private static Task<JsonObject> DoAsync(string name, JsonElement command) => name switch
        {
            // Fill in: the name and version of your SDK.
            "hello" => Task.FromResult(new JsonObject
            {
                ["sdk"] = "my-sdk",
                ["version"] = "0",
                ["language"] = "dotnet",
                ["pid"] = Environment.ProcessId,
                ["capabilities"] = new JsonArray([.. Capabilities.Select(one => JsonValue.Create(one))]),
                ["profiles"] = new JsonArray([.. Profiles.Select(one => JsonValue.Create(one))]),
            }),

            // A fence: what was observed before is written before.
            "ping" => Task.FromResult(new JsonObject()),

            // 1. "start": connect your SDK to `url`, keep the runtime under `rt`, observe `session` connected. Capability "json".
            // 2. "call": begin the call and answer at once; observe `outcome` when it ends.
            // 3. "register": host `type` with agents whose handler takes a Probe, observes `enter`, does the Probe's steps,
            //    observes `leave`, and returns a ProbeReply. Capability "probe".
            // 4. "release" with op `gate`; "cancel"; "subscribe", "publish", "unsubscribe"; "stop".
            // 5. "encode" and "decode", the vocabulary of vectors/types.json.
            _ => throw new UnsupportedException($"no such command, or not filled in: {name} ({command.GetProperty("n")})"),
        };

        private void Write(JsonObject line)
        {
            stream.Write(Encoding.UTF8.GetBytes(line.ToJsonString() + "\n"));
        }
    }
}
