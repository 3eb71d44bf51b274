namespace Parley;

/// <summary>Pauses that double up to a limit; up to half of each is left out, so that many clients do not come back at once (SES-18).</summary>
/// <param name="longest">What no pause exceeds.</param>
/// <param name="chance">Gives a number from 0 up to 1.</param>
internal sealed class Backoff(TimeSpan longest, Func<double> chance)
{
    private TimeSpan _pause = TimeSpan.FromMilliseconds(50);

    /// <summary>How long to wait now.</summary>
    public TimeSpan Next()
    {
        var pause = _pause;
        _pause = pause * 2 < longest ? pause * 2 : longest;
        return pause * (1 - (chance() / 2));
    }
}
