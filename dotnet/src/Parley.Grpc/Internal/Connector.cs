using System.Globalization;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Parley.Wire.V1;

namespace Parley;

/// <summary>Finds a broker that answers, among several addresses; the one that answered last is tried first.</summary>
internal sealed class Connector(IReadOnlyList<BrokerAddress> addresses, Hello hello, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan LongestFirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    // One that swallows packets must not eat all the time.
    private static readonly TimeSpan LongestAttempt = TimeSpan.FromSeconds(5);

    private readonly List<BrokerAddress> _addresses = [.. addresses];

    /// <summary>The first connection past Welcome.</summary>
    /// <exception cref="UnavailableException">No address answered in time; the text says how each failed.</exception>
    /// <exception cref="ParleyException">A broker refused this client; trying again would not help.</exception>
    public async Task<Connection> ConnectAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var deadline = new Deadline(time, timeout);
        var failures = new Dictionary<BrokerAddress, string>();
        var backoff = new Backoff(LongestFirstPause, Random.Shared.NextDouble);
        while (true)
        {
            foreach (var address in _addresses.ToArray())
            {
                var left = _addresses.Count > 1 ? Min(deadline.Remaining, LongestAttempt) : deadline.Remaining;
                try
                {
                    return await TryAsync(address, null, left, cancellationToken).ConfigureAwait(false);
                }
                catch (ParleyException e) when (e is UnavailableException or DrainingException)
                {
                    failures[address] = e.Message;
                    DistributedLog.ConnectFailed(logger, address.Text, e.Message);
                }
            }

            var pause = backoff.Next();
            if (deadline.Remaining <= pause)
            {
                throw new UnavailableException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"No broker answered within {timeout.TotalSeconds:0.###} s. {string.Join("; ", failures.Select(f => $"{f.Key.Text}: {f.Value}"))}"));
            }

            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>A further connection, however long that takes.</summary>
    /// <param name="resume">Says which session is wanted back; it may change its mind between attempts.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Connection> ReconnectAsync(Func<Resume?> resume, CancellationToken cancellationToken)
    {
        var backoff = new Backoff(LongestPause, Random.Shared.NextDouble);
        while (true)
        {
            await Task.Delay(backoff.Next(), time, cancellationToken).ConfigureAwait(false);
            foreach (var address in _addresses.ToArray())
            {
                try
                {
                    return await TryAsync(address, resume(), LongestAttempt, cancellationToken).ConfigureAwait(false);
                }
                catch (ParleyException e)
                {
                    DistributedLog.ConnectFailed(logger, address.Text, e.Message);
                }
            }
        }
    }

    /// <summary>The broker that was reached last is about to go: another one is tried first.</summary>
    public void Avoid()
    {
        _addresses.Add(_addresses[0]);
        _addresses.RemoveAt(0);
    }

    private async Task<Connection> TryAsync(BrokerAddress address, Resume? resume, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            var connection = await Connection.OpenAsync(address, new Hello(hello) { Resume = resume }, either.Token).ConfigureAwait(false);
            while (_addresses[0] != address)
            {
                Avoid();
            }

            var welcome = connection.Welcome;
            DistributedLog.Connected(
                logger, address.Text, hello.InstanceId, welcome.SessionId, welcome.Resumed, $"{welcome.BrokerName} {welcome.BrokerVersion}");
            return connection;
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
