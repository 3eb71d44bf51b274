using System.Reflection;
using System.Runtime.CompilerServices;
using PublicApiGenerator;

namespace Parley.Tests.Api;

/// <summary>Compares the public surface of an assembly with the text that was approved.</summary>
internal static class ApprovedApi
{
    /// <summary>Fails when they differ, and writes what there is now beside the approved text, to be looked at and moved over it.</summary>
    public static async Task CheckAsync(Assembly assembly, string file, [CallerFilePath] string caller = "")
    {
        var actual = assembly.GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false }).ReplaceLineEndings("\n").TrimEnd() + "\n";
        var approved = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, file));
        if (actual != approved && Directory.Exists(Path.GetDirectoryName(caller)))
        {
            await File.WriteAllTextAsync(Path.Combine(Path.GetDirectoryName(caller)!, Path.ChangeExtension(file, ".received.txt")), actual);
        }

        Assert.Equal(approved, actual);
    }
}
