using System.Text.RegularExpressions;

namespace Parley.Tests.Errors;

public partial class ErrorCatalogueTests
{
    public static TheoryData<ErrorReason> Reasons => [.. Enum.GetValues<ErrorReason>().Where(r => r != ErrorReason.Unspecified)];

    [Fact]
    public void The_flags_are_those_of_the_table_in_SPEC()
    {
        var spec = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "SPEC.md"));
        var rows = Row().Matches(spec);
        Assert.Equal(Reasons.Count, rows.Count);
        foreach (Match row in rows)
        {
            var reason = Enum.GetValues<ErrorReason>().Single(r => ErrorCatalogue.NameOf(r) == row.Groups["reason"].Value);
            Assert.Equal(row.Groups["retryable"].Value == "yes", ErrorCatalogue.IsRetryable(reason));
            Assert.Equal(row.Groups["ran"].Value == "yes", ErrorCatalogue.MayHaveRun(reason));
        }
    }

    [Theory]
    [MemberData(nameof(Reasons))]
    public void Each_reason_has_a_class_with_its_name(ErrorReason reason)
    {
        var raised = ErrorCatalogue.Create(reason, "text", new InvalidTimeZoneException());
        Assert.Equal((reason, "text"), (raised.Reason, raised.Message));
        Assert.IsType<InvalidTimeZoneException>(raised.InnerException);
        Assert.NotEqual(typeof(ParleyException), raised.GetType());
        Assert.Empty(raised.Details);
    }

    [Fact]
    public void An_unknown_reason_is_a_plain_ParleyException_that_may_have_run()
    {
        var raised = ErrorCatalogue.Create((ErrorReason)99, "text");
        Assert.Equal((typeof(ParleyException), "REASON_99", true, false), (raised.GetType(), raised.ReasonName, raised.MayHaveRun, raised.IsRetryable));
    }

    [GeneratedRegex(@"^\| (?<reason>[A-Z_]+) \|[^|]*\| (?<retryable>yes|no)[^|]*\| (?<ran>yes|no)[^|]*\|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
