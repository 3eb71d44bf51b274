using BenchmarkDotNet.Attributes;
using Google.Protobuf;
using Parley.Wire.V1;

namespace Parley.Bench.Micro;

/// <summary>How long one call takes on its way from an envelope into a frame, and back.</summary>
public class FrameBenchmarks
{
    private const int Calls = 64;

    private readonly ReceiveWindow _window = new();
    private SerializedMessage _payload;
    private ByteString _envelope = ByteString.Empty;
    private byte[] _frame = [];
    private byte[] _buffer = [];
    private Outbox _outbox = null!;

    /// <summary>Bytes of the payload.</summary>
    [Params(256, 16 * 1024)]
    public int Size { get; set; }

    /// <summary>Makes payload, envelope and frame.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _payload = new SerializedMessage("Reading", ContentTypes.Json, new byte[Size]);
        _envelope = WireTypes.ToEnvelope(_payload, "0123abcd-1");
        _outbox = new Outbox(_window);
        var frame = new Frame { FirstSeq = 1 };
        frame.Messages.Add(Enumerable.Range(1, Calls).Select(i => Request((ulong)i)));
        _frame = frame.ToByteArray();
        _buffer = new byte[_frame.Length + 1_024];
    }

    /// <summary>A payload into its envelope.</summary>
    [Benchmark]
    public int Enclose() => WireTypes.ToEnvelope(_payload, "0123abcd-1").Length;

    /// <summary>A payload out of its envelope.</summary>
    [Benchmark]
    public int Open() => WireTypes.ParseEnvelope(_envelope).Payload.Data.Length;

    /// <summary>Calls queued, cut into frames, and written.</summary>
    [Benchmark(OperationsPerInvoke = Calls)]
    public int Send()
    {
        for (var i = 1; i <= Calls; i++)
        {
            _outbox.Write(new Outgoing(Request((ulong)i)));
        }

        var (written, last) = (0, 0ul);
        while (_outbox.NextFrame() is { } frame)
        {
            var size = frame.CalculateSize();
            frame.WriteTo(_buffer.AsSpan(0, size));
            (written, last) = (written + size, frame.FirstSeq + (ulong)frame.Messages.Count - 1);
        }

        _outbox.Received(last);
        return written;
    }

    /// <summary>A frame of calls, read.</summary>
    [Benchmark(OperationsPerInvoke = Calls)]
    public int Receive() => Frame.Parser.ParseFrom(_frame).Messages.Count;

    private Message Request(ulong id) => new()
    {
        Id = id,
        Request = new Request { Target = new Wire.V1.AgentId { Type = "echo", Key = "k" }, Envelope = _envelope, TimeoutMs = 120_000 },
    };
}
