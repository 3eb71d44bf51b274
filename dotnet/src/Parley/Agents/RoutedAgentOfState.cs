using System.Text.Json;

namespace Parley;

/// <summary>A <see cref="RoutedAgent"/> whose state is an object in canonical JSON.</summary>
/// <typeparam name="TState">The class of the state; a new one is where an agent begins.</typeparam>
/// <param name="description">For people: what the agent does.</param>
public abstract class RoutedAgent<TState>(string? description = null) : RoutedAgent(description)
    where TState : new()
{
    /// <summary>The state; saved and loaded by the runtime.</summary>
    protected TState State { get; set; } = new();

    /// <inheritdoc />
    public override ValueTask<JsonElement> SaveStateAsync() => new(JsonSerializer.SerializeToElement(State, ParleyJson.Options));

    /// <inheritdoc />
    public override ValueTask LoadStateAsync(JsonElement state)
    {
        State = state.Deserialize<TState>(ParleyJson.Options)
            ?? throw new MalformedPayloadException($"The state of {Id} is null; an object is needed.");
        return default;
    }
}
