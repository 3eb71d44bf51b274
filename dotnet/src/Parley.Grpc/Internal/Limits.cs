using System.Globalization;

namespace Parley;

/// <summary>What Welcome allows (FLOW-6).</summary>
internal static class Limits
{
    public static PayloadTooLargeException TooLarge(string what, long size, long limit) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{what} has {size} bytes; the broker allows {limit}."))
        {
            Details = new Dictionary<string, string>
            {
                ["size"] = size.ToString(CultureInfo.InvariantCulture),
                ["limit"] = limit.ToString(CultureInfo.InvariantCulture),
            },
        };
}
