using Parley;

// Registration
var runtime = await DistributedRuntime.CreateAsync(
    // completed: another address can be given
    brokerUrl: Environment.GetEnvironmentVariable("PARLEY_BROKER_URL") ?? "grpc://localhost:50051",
    instanceId: "analytics-process-1"
);

await AnalyticsAgent.RegisterAsync(
    runtime,
    "analytics",
    () => new AnalyticsAgent()
);

await runtime.StartAsync();

// completed: so that one knows when to start the collector
Console.WriteLine("Analytics is ready");

// completed: a process that ends hosts no agents
await runtime.WaitUntilStoppedAsync();
