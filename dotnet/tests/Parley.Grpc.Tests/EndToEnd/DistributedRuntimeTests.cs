using Parley.RuntimeSuite;

namespace Parley.Grpc.Tests.EndToEnd;

/// <summary>The suite of every runtime, through a real broker.</summary>
public sealed class DistributedRuntimeTests(BrokerPool pool) : RuntimeTests, IAsyncDisposable
{
    private BrokerProcess? _broker;

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await DisposeAsync();
        await _broker!.DisposeAsync();
    }

    protected override async Task<IAgentRuntime> CreateAsync()
    {
        _broker ??= await pool.TakeAsync();
        return await DistributedRuntime.CreateAsync(_broker.Url, "suite");
    }
}
