namespace Parley;

/// <summary>Which bug is awake in this process: that of the patches' bugs which PARLEY_MUTANT names.</summary>
internal static class Mutant
{
    private static readonly string? Awake = Environment.GetEnvironmentVariable("PARLEY_MUTANT");
    private static int _told;

    /// <summary>True where that bug is awake; ask it last, where the bug makes a difference: the first time it says that it was reached.</summary>
    public static bool Is(string name)
    {
        if (name != Awake)
        {
            return false;
        }

        if (Interlocked.Exchange(ref _told, 1) == 0 && Environment.GetEnvironmentVariable("PARLEY_MUTANT_REACHED") is { Length: > 0 } path)
        {
            File.AppendAllText(path, "reached\n");
        }

        return true;
    }
}
