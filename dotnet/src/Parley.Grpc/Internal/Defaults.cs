namespace Parley;

/// <summary>Settings from the environment. Never from *_PORT: Kubernetes sets such names for its own ends.</summary>
internal static class Defaults
{
    public static string BrokerUrl() => FromEnvironment("PARLEY_BROKER_URL", "BROKER_URL") ?? BrokerAddress.Default;

    public static string InstanceId() =>
        FromEnvironment("PARLEY_INSTANCE_ID", "INSTANCE_ID") ?? $"{Environment.MachineName}-{Environment.ProcessId}";

    private static string? FromEnvironment(params string[] names) =>
        names.Select(Environment.GetEnvironmentVariable).FirstOrDefault(value => !string.IsNullOrEmpty(value));
}
