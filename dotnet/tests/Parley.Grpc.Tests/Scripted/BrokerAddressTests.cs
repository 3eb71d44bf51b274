using System.Text.Json;

namespace Parley.Grpc.Tests.Scripted;

public class BrokerAddressTests
{
    private static readonly JsonElement Vectors =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "addresses.json"))).RootElement;

    private static readonly (string Url, string Address)[] Good =
        [.. Vectors.GetProperty("parsed").EnumerateArray().Select(v => (v.GetProperty("url").GetString()!, v.GetProperty("address").GetString()!))];

    public static TheoryData<string> BadScheme => Malformed("scheme");

    public static TheoryData<string> BadHost => Malformed("host");

    public static TheoryData<string> BadPort => Malformed("port");

    [Fact]
    public void One_and_several()
    {
        foreach (var (url, address) in Good)
        {
            var parsed = Assert.Single(BrokerAddress.ParseList(url));
            Assert.Equal($"grpc://{address}", parsed.Text);
        }

        var all = BrokerAddress.ParseList(string.Join(',', Good.Select(g => g.Url)));
        Assert.Equal(Good.Select(g => $"grpc://{g.Address}"), all.Select(a => a.Text));
        Assert.Equal(65535, all[2].HttpUri.Port);
        Assert.Equal("[::1]", all[2].HttpUri.Host);
    }

    [Theory]
    [MemberData(nameof(BadScheme))]
    public void A_bad_beginning_is_named(string url) => Refused(url, "it must begin with grpc://");

    [Theory]
    [MemberData(nameof(BadHost))]
    public void A_bad_host_is_named(string url) =>
        Refused(url, "the host must be a name, an IPv4 address or an IPv6 address in brackets, not ");

    [Theory]
    [MemberData(nameof(BadPort))]
    public void A_bad_port_is_named(string url) => Refused(url, "the port must be 1 to 65535, not ");

    private static TheoryData<string> Malformed(string part) =>
        [.. Vectors.GetProperty("malformed").GetProperty(part).EnumerateArray().Select(url => url.GetString()!)];

    private static void Refused(string url, string problem)
    {
        var raised = Assert.Throws<InvalidArgumentException>(() => BrokerAddress.ParseList(url));
        Assert.Contains($"is no broker address: {problem}", raised.Message, StringComparison.Ordinal);
        Assert.Contains("; it looks like grpc://127.0.0.1:50051, several are separated by commas", raised.Message, StringComparison.Ordinal);
        Assert.Equal(Vectors.GetProperty("error").GetProperty("reason").GetString(), raised.ReasonName);
        Assert.Equal("broker_url", raised.Details["field"]);
    }
}
