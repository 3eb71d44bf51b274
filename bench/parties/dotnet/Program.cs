// A party of the bench in .NET: hosts the agents that answer, or calls and publishes and says how fast it was.
//
// `Parley.Bench.Party host|caller URL` prints {"ready": true}, then an answer for each JSON line that it reads, until there
// is none.
using System.Text.Json;
using Parley;
using Parley.Bench;
using ProtobufReading = Parley.Bench.V1.Reading;

var json = new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
var isHost = args[0] == "host";
var runtime = await DistributedRuntime.CreateAsync(args[1], $"bench-{args[0]}-dotnet");
await using (runtime)
{
    runtime.AddMessageType<Reading>();
    runtime.AddMessageType<ProtobufReading>();
    runtime.AddMessageType<Arrivals>();
    var party = new Party(runtime);
    if (isHost)
    {
        await party.HostAsync();
    }

    await runtime.StartAsync();
    Console.WriteLine("""{"ready": true}""");
    while (await Console.In.ReadLineAsync() is { } line)
    {
        Console.WriteLine(await AnswerAsync(party, line));
    }
}

async Task<string> AnswerAsync(Party party, string line)
{
    try
    {
        var work = JsonSerializer.Deserialize<Work>(line, json)!;
        if (isHost)
        {
            await party.PrepareAsync(work);
            return "{}";
        }

        return JsonSerializer.Serialize(await party.RunAsync(work), json);
    }
#pragma warning disable CA1031 // Whatever went wrong, the runner reports it.
    catch (Exception exception)
#pragma warning restore CA1031
    {
        return JsonSerializer.Serialize(new { Error = $"{exception.GetType().Name}: {exception.Message}" }, json);
    }
}
