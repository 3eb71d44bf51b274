// A party of the bench in .NET: hosts the agents that answer, or calls and publishes and says how fast it was.
//
// `Parley.Bench.Party host|caller URL` prints {"ready": true}, then an answer for each JSON line that it reads, until there
// is none.
using System.Text.Json;
using Parley;
using Parley.Bench;
using ProtobufReading = Parley.Bench.V1.Reading;

const string Language = "dotnet";
const double Step = 0.6180339887498949;
// How long a lane waits before it publishes again what the broker refused because a queue was full.
var pause = TimeSpan.FromMilliseconds(5);
// How long the last event may take to arrive after the last publish was answered.
var arrivalLimit = TimeSpan.FromSeconds(20);
var json = new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

var runtime = await DistributedRuntime.CreateAsync(args[1], $"bench-{args[0]}-{Language}");
await using (runtime)
{
    runtime.AddMessageType<Reading>();
    runtime.AddMessageType<ProtobufReading>();
    runtime.AddMessageType<Arrivals>();
    if (args[0] == "host")
    {
        await RoutedAgent.RegisterAsync(runtime, $"echo-{Language}", () => new Echo());
        await RoutedAgent.RegisterAsync(runtime, $"sink-{Language}", () => new Sink());
        await runtime.AddSubscriptionAsync(new TypeSubscription($"bench-{Language}", $"sink-{Language}"));
    }

    await runtime.StartAsync();
    Console.WriteLine("""{"ready": true}""");
    while (await Console.In.ReadLineAsync() is { } line)
    {
        Console.WriteLine(await AnswerAsync(line));
    }
}

async Task<string> AnswerAsync(string line)
{
    try
    {
        return JsonSerializer.Serialize(await RunAsync(JsonSerializer.Deserialize<Command>(line, json)!), json);
    }
#pragma warning disable CA1031 // Whatever went wrong, the runner reports it.
    catch (Exception exception)
#pragma warning restore CA1031
    {
        return JsonSerializer.Serialize(new { Error = $"{exception.GetType().Name}: {exception.Message}" }, json);
    }
}

async Task<Answer> RunAsync(Command command)
{
    double[] values = [.. Enumerable.Range(0, command.Values).Select(i => (i + 1) * Step)];
    var text = new string('x', command.Text);
    object message = command.Content == "json"
        ? new Reading(0, "bench", values, text)
        : new ProtobufReading { Source = "bench", Values = { values }, Text = text };
    var flood = new Flood();
    var time = TimeSpan.FromSeconds(command.Seconds);
    if (command.Kind == "call")
    {
        var echo = new AgentId($"echo-{command.Host}", command.Key);
        await flood.RunAsync(() => runtime.SendMessageAsync(message, echo), command.InFlight, time);
    }
    else
    {
        var topic = new TopicId($"bench-{command.Host}", command.Key);
        var options = new PublishOptions { Ephemeral = command.Kind == "publish-ephemeral" };
        await flood.RunAsync(() => PublishAsync(message, topic, options), command.InFlight, time);
        var sink = new AgentId($"sink-{command.Host}", command.Key);
        await runtime.SendMessageAsync<Arrivals>(new Arrivals(flood.Count), sink, new SendOptions { Timeout = arrivalLimit });
    }

    return flood.ToAnswer();
}

async Task PublishAsync(object message, TopicId topic, PublishOptions options)
{
    while (true)
    {
        try
        {
            await runtime.PublishMessageAsync(message, topic, options);
            return;
        }
        catch (ResourceExhaustedException)
        {
            await Task.Delay(pause);
        }
    }
}

/// <summary>One round, as the bench's runner asks for it.</summary>
internal sealed record Command(string Kind, int InFlight, string Host, string Key, string Content, double Seconds, int Values, int Text);
