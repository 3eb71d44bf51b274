using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Parley;

/// <summary>A TCP stream whose end is told a little late.</summary>
/// <remarks>
/// The HTTP handler throws away what nobody has read yet, the status included, when it learns that the connection has ended;
/// a broker that stops ends streams and connections together.
/// </remarks>
internal sealed class LingeringStream : NetworkStream
{
    /// <summary>Time to read what came before the end; a broker's crash is noticed later by as much.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(100);

    private LingeringStream(Socket socket)
        : base(socket, ownsSocket: true)
    {
    }

    /// <summary>Connects.</summary>
    /// <exception cref="SocketException">Nothing listens there.</exception>
    public static async ValueTask<Stream> ConnectAsync(DnsEndPoint broker, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(broker, cancellationToken).ConfigureAwait(false);
            return new LingeringStream(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await base.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        if (read == 0 && buffer.Length > 0)
        {
            await Task.Delay(Linger, cancellationToken).ConfigureAwait(false);
        }

        return read;
    }
}
