using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Parley;

/// <summary>A <see cref="RoutedAgent"/> whose state is an object in canonical JSON.</summary>
/// <typeparam name="TState">The class of the state; a new one is where an agent begins.</typeparam>
public abstract class RoutedAgent<TState> : RoutedAgent
    where TState : new()
{
    // Looked up late: a class that cannot be a state fails when it is saved, with a text of its own.
    private readonly Lazy<JsonTypeInfo<TState>> _info;

    /// <summary>Reads and writes the state by reflection.</summary>
    /// <param name="description">For people: what the agent does.</param>
    [RequiresUnreferencedCode(Reflected.Message)]
    [RequiresDynamicCode(Reflected.Message)]
    protected RoutedAgent(string? description = null)
        : base(description) => _info = new(static () => (JsonTypeInfo<TState>)ParleyJson.Options.GetTypeInfo(typeof(TState)));

    /// <summary>Reads and writes the state without reflection (trimming, AOT).</summary>
    /// <param name="info">Source-generated type information over <see cref="ParleyJson.CreateOptions"/>.</param>
    /// <param name="description">For people: what the agent does.</param>
    protected RoutedAgent(JsonTypeInfo<TState> info, string? description = null)
        : base(description)
    {
        ArgumentNullException.ThrowIfNull(info);
        _info = new(() => CanonicalTypes.Checked(info));
    }

    /// <summary>The state; saved and loaded by the runtime.</summary>
    protected TState State { get; set; } = new();

    /// <inheritdoc />
    public override ValueTask<JsonElement> SaveStateAsync() => new(JsonSerializer.SerializeToElement(State, _info.Value));

    /// <inheritdoc />
    public override ValueTask LoadStateAsync(JsonElement state)
    {
        State = state.Deserialize(_info.Value)
            ?? throw new MalformedPayloadException($"The state of {Id} is null; an object is needed.");
        return default;
    }
}
