package dev.baton.engine;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Who knows whom inside the module. */
final class PackageRulesTests {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.baton.engine");

  @Test
  void packagesHaveNoCycles() {
    slices().matching("dev.baton.engine.(**)").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void blocksAndSamplingKnowNobody() {
    noClasses()
        .that()
        .resideInAnyPackage("dev.baton.engine.blocks", "dev.baton.engine.sampling")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.baton.engine", "dev.baton.engine.backend", "dev.baton.model..")
        .check(CLASSES);
  }

  @Test
  void theBackendInterfaceDoesNotKnowThePolicy() {
    noClasses()
        .that()
        .resideInAPackage("dev.baton.engine.backend")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.baton.engine", "dev.baton.engine.blocks")
        .check(CLASSES);
  }

  @Test
  void theSchedulerKnowsNoDeviceAndNoListener() {
    noClasses()
        .that()
        .haveSimpleName("Scheduler")
        .should()
        .dependOnClassesThat()
        .haveSimpleNameEndingWith("Listener")
        .orShould()
        .dependOnClassesThat()
        .haveSimpleName("Backend")
        .check(CLASSES);
  }
}
