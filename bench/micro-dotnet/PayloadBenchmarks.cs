using BenchmarkDotNet.Attributes;
using ProtobufReading = Parley.Bench.V1.Reading;

namespace Parley.Bench.Micro;

/// <summary>How long it takes to write and read one payload, by content.</summary>
public class PayloadBenchmarks
{
    private readonly SerializationRegistry _registry = new();
    private object _message = null!;
    private SerializedMessage _written;

    /// <summary>How the payload is encoded; <c>json-compiled</c>: with type information made at compile time.</summary>
    [Params("json", "json-compiled", "protobuf")]
    public string Content { get; set; } = string.Empty;

    /// <summary>Bytes of the payload in JSON; protobuf carries the same content.</summary>
    [Params(256, 16 * 1024)]
    public int Size { get; set; }

    /// <summary>Makes the message.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        var reading = Messages.OfSize(Size);
        _message = Content == "protobuf" ? reading.ToProtobuf() : reading;
        if (Content == "json-compiled")
        {
            _registry.AddMessageType(new Compiled(ParleyJson.CreateOptions(Compiled.Default)).Reading);
        }
        else
        {
            _registry.AddMessageType<Reading>();
            _registry.AddMessageType<ProtobufReading>();
        }

        _written = _registry.Encode(_message);
    }

    /// <summary>The message as bytes.</summary>
    [Benchmark]
    public int Write() => _registry.Encode(_message).Data.Length;

    /// <summary>The bytes as a message.</summary>
    [Benchmark]
    public object Read() => _registry.Decode(_written);
}
