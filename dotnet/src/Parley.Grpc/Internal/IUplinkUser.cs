using Parley.Wire.V1;

namespace Parley;

/// <summary>Whose uplink it is.</summary>
internal interface IUplinkUser
{
    /// <summary>Takes what the broker says of its own accord, in order, on the reading loop.</summary>
    void Take(Session session, Message message);

    /// <summary>How many agents would be claimed in a new session.</summary>
    int Held { get; }

    /// <summary>Makes what this process hosts known in a new session, before anything else is said in it (SES-14).</summary>
    Task RejoinAsync(Session session);

    /// <summary>A session is over; its outstanding commands have ended, or wait for the next one.</summary>
    void SessionLost(Session session);

    /// <summary>The state has changed.</summary>
    void Changed(RuntimeState state, string reason);
}
