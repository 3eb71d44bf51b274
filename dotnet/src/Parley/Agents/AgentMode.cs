namespace Parley;

/// <summary>How an agent's messages are run (AGT-3).</summary>
public enum AgentMode
{
    /// <summary>One place at a time. Calls overlap at their awaits; events run one at a time, in order. Nothing of one agent runs in parallel.</summary>
    Standard,

    /// <summary>No place, no order, no fields that last: each message gets a new instance, on any worker, in parallel.</summary>
    Stateless,

    /// <summary>One message at a time; its result, the state and the published events commit together, or nothing of it does (STA-4).</summary>
    EffectivelyOnce,
}
