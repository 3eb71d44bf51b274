using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Parley;

/// <summary>Settings of a <see cref="DistributedRuntime"/>.</summary>
public sealed class DistributedRuntimeOptions
{
    /// <summary>
    /// Where the broker is: <c>grpc://host:port</c>, several separated by commas. By default PARLEY_BROKER_URL, else BROKER_URL of the
    /// environment, else <c>grpc://127.0.0.1:50051</c>.
    /// </summary>
    public string? BrokerUrl { get; set; }

    /// <summary>A label for people; by default PARLEY_INSTANCE_ID, else INSTANCE_ID of the environment, else machine and process id.</summary>
    public string? InstanceId { get; set; }

    /// <summary>How long a call or publish may take that says nothing else.</summary>
    public TimeSpan DefaultTimeout { get; set; } = TimeSpan.FromSeconds(120);

    /// <summary>How long connecting, and each registration, may take.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long stopping waits for handlers.</summary>
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>How long the handler of an event may run before it is cancelled and the event nacked (DLV-9).</summary>
    public TimeSpan EventTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Handlers of events and root calls that run at once; further messages wait. Nested calls are not counted (RPC-15).</summary>
    public int MaxConcurrency { get; set; } = 1000;

    /// <summary>Where the categories <c>Parley.*</c> go; nowhere by default.</summary>
    public ILoggerFactory LoggerFactory { get; set; } = NullLoggerFactory.Instance;

    /// <summary>The clock; another one for tests.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>The first setting that is not allowed, as a text; null: all are.</summary>
    internal string? Problem()
    {
        var max = TimeSpan.FromMilliseconds(uint.MaxValue - 1);
        (string Name, TimeSpan Value)[] durations =
        [
            (nameof(DefaultTimeout), DefaultTimeout), (nameof(ConnectTimeout), ConnectTimeout),
            (nameof(DrainTimeout), DrainTimeout), (nameof(EventTimeout), EventTimeout),
        ];
        foreach (var (name, value) in durations)
        {
            if (value <= TimeSpan.Zero || value > max)
            {
                return $"{name} is {value}; it must be above zero and at most {max}.";
            }
        }

        return MaxConcurrency < 1 ? $"{nameof(MaxConcurrency)} is {MaxConcurrency}; it must be 1 or more."
            : BrokerAddress.Problem(BrokerUrl);
    }
}
