namespace Parley.Grpc.Tests.Scripted;

/// <summary>The same tables are in the tests of the Python SDK.</summary>
public class BrokerAddressTests
{
    private static readonly (string Url, string Address)[] Good =
    [
        ("grpc://localhost:50051", "localhost:50051"),
        ("grpc://127.0.0.1:1", "127.0.0.1:1"),
        ("grpc://[::1]:65535/", "[::1]:65535"),
        ("grpc://broker-1.my_space.svc.:080", "broker-1.my_space.svc.:80"),
        (" grpc://h:1 ", "h:1"),
    ];

    public static TheoryData<string> BadScheme =>
    [
        "",
        "localhost:50051",
        "h",
        "http://h:1",
        "grpcs://h:1",
        "GRPC://h:1",
        "grpc:/h:1",
        "grpc://h:1,",
        "grpc://h:1,,grpc://h:2",
    ];

    public static TheoryData<string> BadHost =>
    [
        "grpc://",
        "grpc://:1",
        "grpc://user@h:1",
        "grpc://h:1:2",
        "grpc://::1:50051",
        "grpc://[h]:1",
        "grpc://[::1:1",
        "grpc://[]:1",
        "grpc://[127.0.0.1]:1",
        "grpc://a b:1",
        "grpc://a..b:1",
        "grpc://.:1",
        "grpc://a/b:1",
        "grpc://h?x:1",
        "grpc://é:1",
    ];

    public static TheoryData<string> BadPort =>
    [
        "grpc://h",
        "grpc://h/",
        "grpc://h:",
        "grpc://h:x",
        "grpc://h:0",
        "grpc://h:65536",
        "grpc://h:-1",
        "grpc://h:+1",
        "grpc://h:1.5",
        "grpc://h:000001",
        "grpc://h:1/path",
        "grpc://h:1//",
        "grpc://h:1?x",
        "grpc://h:1#x",
        "grpc://h:1 2",
        "grpc://h:١",
    ];

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

    private static void Refused(string url, string problem)
    {
        var raised = Assert.Throws<InvalidArgumentException>(() => BrokerAddress.ParseList(url));
        Assert.Contains($"is no broker address: {problem}", raised.Message, StringComparison.Ordinal);
        Assert.Contains("; it looks like grpc://127.0.0.1:50051, several are separated by commas", raised.Message, StringComparison.Ordinal);
        Assert.Equal("broker_url", raised.Details["field"]);
    }
}
