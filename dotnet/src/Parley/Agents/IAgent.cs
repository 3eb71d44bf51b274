using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Parley;

/// <summary>Something that handles messages. <see cref="RoutedAgent"/> is the usual base.</summary>
/// <remarks>An agent that is <see cref="IAsyncDisposable"/> is disposed when its place here ends.</remarks>
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.AllMethods)]
public interface IAgent
{
    /// <summary>Its id.</summary>
    AgentId Id { get; }

    /// <summary>Handles one message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="context">What else is known of it.</param>
    /// <returns>A call's result, null being legal; what an event's handler returns is not used.</returns>
    /// <exception cref="UnhandledMessageException">The agent does not handle messages of this class.</exception>
    ValueTask<object?> OnMessageAsync(object message, MessageContext context);

    /// <summary>The agent's state; an object without members if it keeps none.</summary>
    ValueTask<JsonElement> SaveStateAsync();

    /// <summary>Takes over a state that <see cref="SaveStateAsync"/> returned.</summary>
    /// <param name="state">The state.</param>
    ValueTask LoadStateAsync(JsonElement state);
}
