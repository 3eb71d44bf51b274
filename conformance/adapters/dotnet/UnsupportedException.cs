namespace ParleyAdapter;

/// <summary>A command, behaviour, message type or op that this adapter does not have.</summary>
public sealed class UnsupportedException(string message) : Exception(message);
