using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;
using Parley.Wire.V1;

namespace Parley;

/// <summary>A runtime whose agents are reached, and reach others, through a broker.</summary>
/// <remarks>One session on one connection. When the connection is lost the runtime ends, with UNAVAILABLE.</remarks>
public sealed partial class DistributedRuntime : IAgentRuntime
{
    private readonly DistributedRuntimeOptions _options;
    private readonly ILogger _logger;
    private readonly SerializationRegistry _messages = new();
    private readonly AgentHost _host;
    private readonly Session _session;
    private readonly MessageIds _messageIds;
    private readonly DispatchContext _context;
    private readonly Dispatcher _dispatcher;
    private readonly NoRecipientsWarning _noRecipients;

    private DistributedRuntime(DistributedRuntimeOptions options, Connection connection, string producerId)
    {
        _options = options;
        _logger = options.LoggerFactory.CreateLogger("Parley.DistributedRuntime");
        _host = new AgentHost(this, _messages, options.LoggerFactory);
        _session = new Session(connection, options.TimeProvider, _logger);
        _messageIds = new MessageIds(producerId[..8]);
        _context = new DispatchContext(_host, _session, _messages, options, _messageIds, _logger, _tornDown.Token);
        _dispatcher = new Dispatcher(_context);
        _noRecipients = new NoRecipientsWarning(_logger, options.TimeProvider);
    }

    /// <summary>Connects to a broker; register agents next, then call <see cref="StartAsync"/>.</summary>
    /// <param name="brokerUrl">As <see cref="DistributedRuntimeOptions.BrokerUrl"/>; null: what the options or the environment say.</param>
    /// <param name="instanceId">As <see cref="DistributedRuntimeOptions.InstanceId"/>; null: what the options or the environment say.</param>
    /// <param name="configure">Changes further settings.</param>
    /// <param name="cancellationToken">Gives up connecting.</param>
    /// <exception cref="InvalidArgumentException">A setting is not allowed; the text says which and what is.</exception>
    /// <exception cref="UnavailableException">No address answered in time; the text says how each failed.</exception>
    /// <exception cref="ProtocolVersionUnsupportedException">The broker speaks no version that this SDK speaks.</exception>
    public static Task<DistributedRuntime> CreateAsync(
        string? brokerUrl = null,
        string? instanceId = null,
        Action<DistributedRuntimeOptions>? configure = null,
        CancellationToken cancellationToken = default)
    {
        var options = new DistributedRuntimeOptions();
        configure?.Invoke(options);
        options.BrokerUrl = brokerUrl ?? options.BrokerUrl;
        options.InstanceId = instanceId ?? options.InstanceId;
        return CreateAsync(options, cancellationToken);
    }

    /// <summary>Connects to a broker with these settings.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="cancellationToken">Gives up connecting.</param>
    /// <exception cref="InvalidArgumentException">A setting is not allowed; the text says which and what is.</exception>
    /// <exception cref="UnavailableException">No address answered in time; the text says how each failed.</exception>
    /// <exception cref="ProtocolVersionUnsupportedException">The broker speaks no version that this SDK speaks.</exception>
    public static async Task<DistributedRuntime> CreateAsync(DistributedRuntimeOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Problem() is { } problem)
        {
            throw new InvalidArgumentException(problem);
        }

        var addresses = BrokerAddress.ParseList(options.BrokerUrl ?? Defaults.BrokerUrl());
        var producerId = Guid.NewGuid().ToString("N");
        var hello = new Hello
        {
            MinVersion = 1,
            MaxVersion = 1,
            InstanceId = options.InstanceId ?? Defaults.InstanceId(),
            ProducerId = producerId,
            SdkName = "parley-dotnet",
            SdkLanguage = "dotnet",
            SdkVersion = Version,
            Kinds = { WireTypes.UnderstoodKinds },
        };
        var logger = options.LoggerFactory.CreateLogger("Parley.Connection");
        var connector = new Connector(addresses, hello, options.ConnectTimeout, options.TimeProvider, logger);
        var (connection, address) = await connector.ConnectAsync(cancellationToken).ConfigureAwait(false);
        var welcome = connection.Welcome;
        DistributedLog.Connected(logger, address.Text, hello.InstanceId, welcome.SessionId, $"{welcome.BrokerName} {welcome.BrokerVersion}");
        var runtime = new DistributedRuntime(options, connection, producerId);
        runtime.Open();
        return runtime;
    }

    /// <summary>The version of this SDK.</summary>
    private static string Version =>
        typeof(DistributedRuntime).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <inheritdoc />
    public void AddMessageType<T>(JsonTypeInfo<T>? info = null)
        where T : notnull => _messages.AddMessageType(info);

    /// <inheritdoc />
    public void AddMessageSerializer<T>(IMessageSerializer<T> serializer)
        where T : notnull => _messages.AddMessageSerializer(serializer);

    /// <summary>Not available in this version: the broker does not keep state yet.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="cancellationToken">Not used.</param>
    /// <exception cref="NotSupportedException">Always.</exception>
    public Task<JsonElement> SaveAgentStateAsync(AgentId agent, CancellationToken cancellationToken = default) => throw NoState();

    /// <summary>Not available in this version: the broker does not keep state yet.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="state">The state.</param>
    /// <param name="cancellationToken">Not used.</param>
    /// <exception cref="NotSupportedException">Always.</exception>
    public Task LoadAgentStateAsync(AgentId agent, JsonElement state, CancellationToken cancellationToken = default) => throw NoState();

    private static NotSupportedException NoState() =>
        new("The distributed runtime does not keep the state of agents in this version; the in-process runtime does.");
}
