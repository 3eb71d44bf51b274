using System.Text.Json;
using Google.Protobuf;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Vectors;

public class FrameVectorTests
{
    private static readonly JsonElement File =
        JsonDocument.Parse(System.IO.File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "frames.json"))).RootElement;

    private static readonly JsonParser Parser = new(JsonParser.Settings.Default);

    public static TheoryData<string> Frames => With("bytes");

    public static TheoryData<string> Garbage => With("garbage");

    [Theory]
    [MemberData(nameof(Frames))]
    public void A_frame_is_read_as_the_vector_says(string id)
    {
        var vector = Vector(id);
        var frame = Frame.Parser.ParseFrom(vector.GetProperty("bytes").GetBytesFromBase64());
        var expected = Parser.Parse<Frame>(vector.GetProperty("frame").GetRawText());
        Assert.Equal(JsonFormatter.Default.Format(expected), JsonFormatter.Default.Format(frame));
        Assert.Equal(frame, Frame.Parser.ParseFrom(frame.ToByteArray()));
        var unknown = vector.TryGetProperty("unknown_kinds", out var count) ? count.GetInt32() : 0;
        Assert.Equal(unknown, frame.Messages.Count(m => m.KindCase == Message.KindOneofCase.None));
    }

    [Theory]
    [MemberData(nameof(Garbage))]
    public void Garbage_is_no_frame(string id)
    {
        foreach (var garbage in Vector(id).GetProperty("garbage").EnumerateArray())
        {
            Assert.Throws<InvalidProtocolBufferException>(() => Frame.Parser.ParseFrom(garbage.GetBytesFromBase64()));
        }
    }

    private static TheoryData<string> With(string member) =>
        [.. File.GetProperty("frames").EnumerateArray().Where(f => f.TryGetProperty(member, out _)).Select(f => f.GetProperty("id").GetString()!)];

    private static JsonElement Vector(string id) =>
        File.GetProperty("frames").EnumerateArray().Single(f => f.GetProperty("id").GetString() == id);
}
