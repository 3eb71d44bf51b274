using Parley;

// completed: the whole program; worker.py in another language, with the same state
await using var runtime = await DistributedRuntime.CreateAsync(
    brokerUrl: Environment.GetEnvironmentVariable("PARLEY_BROKER_URL") ?? "grpc://localhost:50051");
await ResilientAgent.RegisterAsync(runtime, "resilient", () => new ResilientAgent());
await runtime.StartAsync();
Console.WriteLine("Worker is ready");
await runtime.WaitUntilStoppedAsync();

public record Note(string Key, string Value);

public record Notes(Dictionary<string, string> State);

public class ResilientAgent() : RoutedAgent<Dictionary<string, string>>("Resilient agent")
{
    [RpcMethod]
    public Notes TakeNote(Note message)
    {
        State[message.Key] = message.Value;
        return new Notes(State);
    }
}
