using System.Globalization;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Parley.Wire.V1;

namespace Parley;

/// <summary>Finds a broker that answers, among several addresses, within a time.</summary>
internal sealed class Connector(IReadOnlyList<BrokerAddress> addresses, Hello hello, TimeSpan timeout, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    // With several addresses, one that swallows packets must not eat all the time.
    private static readonly TimeSpan LongestAttempt = TimeSpan.FromSeconds(5);

    /// <summary>A connection past Welcome, and its address.</summary>
    /// <exception cref="UnavailableException">No address answered in time; the text says how each failed.</exception>
    /// <exception cref="ParleyException">A broker refused this client; trying again would not help.</exception>
    public async Task<(Connection Connection, BrokerAddress Address)> ConnectAsync(CancellationToken cancellationToken)
    {
        var deadline = new Deadline(time, timeout);
        var failures = new Dictionary<BrokerAddress, string>();
        for (var pause = FirstPause; ; pause = Min(pause * 2, LongestPause))
        {
            foreach (var address in addresses)
            {
                var left = addresses.Count > 1 ? Min(deadline.Remaining, LongestAttempt) : deadline.Remaining;
                try
                {
                    return (await TryAsync(address, left, cancellationToken).ConfigureAwait(false), address);
                }
                catch (UnavailableException e)
                {
                    failures[address] = e.Message;
                    DistributedLog.ConnectFailed(logger, address.Text, e.Message);
                }
            }

            if (deadline.Remaining <= pause)
            {
                throw new UnavailableException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"No broker answered within {timeout.TotalSeconds:0.###} s. {string.Join("; ", failures.Select(f => $"{f.Key.Text}: {f.Value}"))}"));
            }

            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<Connection> TryAsync(BrokerAddress address, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            return await Connection.OpenAsync(address, hello, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or InvalidOperationException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new UnavailableException(
                late.IsCancellationRequested ? string.Create(CultureInfo.InvariantCulture, $"no answer within {limit.TotalSeconds:0.###} s") : Text(e), e);
        }
    }

    private static string Text(Exception e) => e is not RpcException rpc ? e.Message
        : rpc.Status.DebugException?.GetBaseException() is { } cause ? cause.Message
        : $"{rpc.StatusCode} {rpc.Status.Detail}";

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
