using System.Runtime.CompilerServices;

namespace AdaBN.TestSupport;

/// <summary>Folders of the checkout the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(ThisFolder(), "..", ".."));

    public static string Golden => Path.Combine(Root, "tests", "Golden");

    public static string Model(string file) => Path.Combine(Root, "models", file);

    private static string ThisFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
