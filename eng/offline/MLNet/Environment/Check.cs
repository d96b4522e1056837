namespace Microsoft.ML;

/// <summary>Guards that throw what ML.NET throws: a null value, a bad parameter and a bad state each have one exception type.</summary>
internal static class Check
{
    internal static T Value<T>(T value, string name) where T : class => value ?? throw new ArgumentNullException(name);

    internal static string NonEmpty(string value, string name) =>
        string.IsNullOrEmpty(value) ? throw new ArgumentOutOfRangeException(name, $"{name} is missing or empty") : value;

    internal static string NonWhiteSpace(string value, string name) =>
        string.IsNullOrWhiteSpace(value) ? throw new ArgumentOutOfRangeException(name, $"{name} is missing or blank") : value;

    internal static void Parameter(bool holds, string name, string message = null)
    {
        if (!holds)
            throw message == null ? new ArgumentOutOfRangeException(name) : new ArgumentOutOfRangeException(name, message);
    }

    internal static T Parameter<T>(bool holds, string name, T value)
    {
        Parameter(holds, name);
        return value;
    }

    internal static void State(bool holds, string message)
    {
        if (!holds)
            throw new InvalidOperationException(message);
    }

    internal static Exception MissingColumn(string parameter, string column) =>
        new ArgumentOutOfRangeException(parameter, $"There is no column '{column}'");

    internal static Exception WrongColumnType(string parameter, string column, object expected, object found) =>
        new ArgumentOutOfRangeException(parameter, $"Column '{column}' is {found}, expected {expected}");
}
