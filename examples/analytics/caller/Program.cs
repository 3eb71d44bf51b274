// completed: the whole program: a .NET process that calls the Python agent, which calls the .NET agent.
using Parley;

await using var runtime = await DistributedRuntime.CreateAsync(
    brokerUrl: Environment.GetEnvironmentVariable("PARLEY_BROKER_URL") ?? "grpc://localhost:50051",
    instanceId: "caller-process-1"
);
await runtime.StartAsync();

var response = await runtime.SendMessageAsync<CollectResponse>(
    new CollectRequest("dotnet"),
    new AgentId("collector", "default")
);
Console.WriteLine(FormattableString.Invariant($"From .NET: mean {response.Mean:F2}, standard deviation {response.StdDev:F2}"));

await runtime.StopAsync();

public record CollectRequest(string Source);
public record CollectResponse(double Mean, double StdDev);
