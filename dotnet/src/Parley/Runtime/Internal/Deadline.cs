namespace Parley;

/// <summary>A moment on one clock.</summary>
internal sealed class Deadline(TimeProvider time, TimeSpan timeout)
{
    private readonly long _start = time.GetTimestamp();

    /// <summary>What is left; never below zero.</summary>
    public TimeSpan Remaining
    {
        get
        {
            var left = timeout - time.GetElapsedTime(_start);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }
}
