using Parley.Wire.V1;

namespace Parley;

/// <summary>Commands that make this process known.</summary>
internal static class Commands
{
    public static Message Register(AgentRegistration registration) => new()
    {
        RegisterAgentType = new RegisterAgentType
        {
            Type = registration.Type,
            Mode = registration.Mode.ToWire(),
            Concurrency = (uint)registration.Concurrency,
            PinnedKeys = { registration.Pinned.Keys },
            KeepsState = registration.KeepsState || registration.IsEffectivelyOnce,
            IdleTimeoutMs = (uint)registration.IdleTimeout.TotalMilliseconds,
        },
    };

    public static Message Subscribe(Subscription subscription) => new() { Subscribe = new Subscribe { Subscription = subscription.ToWire() } };

    public static Message Claim(IEnumerable<HostedAgent> agents) => new()
    {
        Claim = new Claim { Agents = { agents.Select(a => new HeldAgent { Agent = a.Id.ToWire(), Epoch = a.Epoch }) } },
    };
}
