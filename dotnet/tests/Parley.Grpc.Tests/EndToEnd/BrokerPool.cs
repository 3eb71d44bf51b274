using Parley.Grpc.Tests.EndToEnd;

[assembly: AssemblyFixture(typeof(BrokerPool))]

namespace Parley.Grpc.Tests.EndToEnd;

/// <summary>A fresh broker for each test; the next one starts while a test runs.</summary>
public sealed class BrokerPool : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private Task<BrokerProcess>? _next;

    internal Task<BrokerProcess> TakeAsync()
    {
        lock (_lock)
        {
            var taken = _next ?? BrokerProcess.StartAsync();
            _next = BrokerProcess.StartAsync();
            return taken;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_next is not null)
        {
            await (await _next).DisposeAsync();
        }
    }
}
