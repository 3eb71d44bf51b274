namespace Parley;

/// <summary>Who sends a command, and takes it back.</summary>
internal interface ICommandSender
{
    /// <summary>Why there is no way to the broker now; null: there is one.</summary>
    string? WhyUnreachable { get; }

    /// <summary>Nobody waits for that answer any more.</summary>
    /// <param name="answer">Which.</param>
    /// <param name="cancelled">The waiter cancelled; else the time is up.</param>
    void Abandon(PendingAnswer answer, bool cancelled);
}
