using System.Text.Json;
using System.Text.Json.Serialization;
using ProtobufReading = Parley.Bench.V1.Reading;

namespace Parley.Bench.Micro;

/// <summary>The JSON twin of parley.bench.v1.Reading.</summary>
internal sealed record Reading(long Number, string Source, double[] Values, string Text);

/// <summary>Type information of the messages, made at compile time.</summary>
[JsonSerializable(typeof(Reading))]
internal sealed partial class Compiled : JsonSerializerContext;

/// <summary>The record that all of the bench carries: about half of its JSON is numbers.</summary>
internal static class Messages
{
    private const double Step = 0.6180339887498949;

    /// <summary>How many bytes its JSON has without values and text, and per value.</summary>
    private const int Frame = 60, PerValue = 40;

    /// <summary>A record of that many bytes of JSON.</summary>
    public static Reading OfSize(int bytes)
    {
        double[] values = [.. Enumerable.Range(1, (bytes - Frame) / PerValue).Select(i => i * Step)];
        var bare = new Reading(0, "bench", values, string.Empty);
        var missing = bytes - JsonSerializer.SerializeToUtf8Bytes(bare, ParleyJson.Options).Length;
        return bare with { Text = new string('x', missing) };
    }

    /// <summary>The same in protobuf.</summary>
    public static ProtobufReading ToProtobuf(this Reading reading) =>
        new() { Number = reading.Number, Source = reading.Source, Values = { reading.Values }, Text = reading.Text };
}
