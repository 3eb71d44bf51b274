using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;
using Parley.Wire.V1;

namespace Parley;

/// <summary>A runtime whose agents are reached, and reach others, through a broker.</summary>
/// <remarks>
/// A lost connection is replaced, over all addresses in turn, until <see cref="StopAsync"/>: within the session's grace nothing is lost;
/// after it the agents are registered and claimed anew. <see cref="StateChanged"/> tells.
/// </remarks>
public sealed partial class DistributedRuntime : IAgentRuntime, IUplinkUser
{
    private readonly DistributedRuntimeOptions _options;
    private readonly ILogger _logger;
    private readonly SerializationRegistry _messages = new();
    private readonly AgentHost _host;
    private readonly Uplink _uplink;
    private readonly MessageIds _messageIds;
    private readonly DispatchContext _context;
    private readonly Dispatcher _dispatcher;
    private readonly NoRecipientsWarning _noRecipients;

    private DistributedRuntime(DistributedRuntimeOptions options, Uplink uplink, string producerId)
    {
        _options = options;
        _logger = options.LoggerFactory.CreateLogger("Parley.DistributedRuntime");
        _host = new AgentHost(this, _messages, options.LoggerFactory);
        _uplink = uplink;
        _messageIds = new MessageIds(producerId[..8]);
        _context = new DispatchContext(_host, _uplink, _messages, options, _messageIds, _logger, _tornDown.Token);
        _dispatcher = new Dispatcher(_context);
        _noRecipients = new NoRecipientsWarning(_logger, options.TimeProvider);
        _saving = options.TimeProvider.CreateTimer(static s => ((DistributedRuntime)s!).SavePeriodically(), this, SaveInterval, SaveInterval);
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
        var connector = new Connector(addresses, hello, options.TimeProvider, logger);
        var uplink = await Uplink.ConnectAsync(connector, options.ConnectTimeout, options.TimeProvider, logger, cancellationToken).ConfigureAwait(false);
        var runtime = new DistributedRuntime(options, uplink, producerId);
        uplink.Serve(runtime);
        return runtime;
    }

    /// <summary>The version of this SDK.</summary>
    private static string Version =>
        typeof(DistributedRuntime).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <inheritdoc />
    [RequiresUnreferencedCode(Reflected.Message)]
    [RequiresDynamicCode(Reflected.Message)]
    public void AddMessageType<T>()
        where T : notnull => _messages.AddMessageType<T>();

    /// <inheritdoc />
    public void AddMessageType<T>(JsonTypeInfo<T> info)
        where T : notnull => _messages.AddMessageType(info);

    /// <inheritdoc />
    public void AddMessageSerializer<T>(IMessageSerializer<T> serializer)
        where T : notnull => _messages.AddMessageSerializer(serializer);

    /// <summary>Not available here: the broker keeps the state of agents, and the runtime saves and loads it by itself (STA-2).</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="cancellationToken">Not used.</param>
    /// <exception cref="NotSupportedException">Always.</exception>
    public Task<JsonElement> SaveAgentStateAsync(AgentId agent, CancellationToken cancellationToken = default) => throw NotByHand();

    /// <summary>Not available here: the broker keeps the state of agents, and the runtime saves and loads it by itself (STA-1).</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="state">The state.</param>
    /// <param name="cancellationToken">Not used.</param>
    /// <exception cref="NotSupportedException">Always.</exception>
    public Task LoadAgentStateAsync(AgentId agent, JsonElement state, CancellationToken cancellationToken = default) => throw NotByHand();

    private static NotSupportedException NotByHand() =>
        new("The distributed runtime saves and loads the state of its agents by itself; the in-process runtime does it when it is asked.");
}
