namespace Parley;

/// <summary>One message on its way through one handler.</summary>
internal abstract class HandlerRun : IThreadPoolWorkItem
{
    /// <summary>Runs the handler and says what came of it; never throws.</summary>
    public abstract Task RunAsync();

    void IThreadPoolWorkItem.Execute() => _ = RunAsync();
}
